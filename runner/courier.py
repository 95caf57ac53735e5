"""Webhooks: claimed one by one, sent in order; a receiver that hangs has one thread at the most."""

import logging
import threading
import time

from postroom import following
from postroom.backoff import Backoff, reason
from postroom.courier import (
    ClaimedWebhook,
    ClaimWebhook,
    Outcome,
    RenewWebhook,
    TellDelivery,
    ToldDelivery,
)
from postroom.errors import RefusedError, TemporaryError
from postroom.runner_client import RunnerClient
from postroom.settings import Config

from .leases import Lease
from .outliving import outlived
from .pace import Pace
from .sending import Result, Sender
from .shared import Shared

TROUBLE = "no webhooks are sent"

log = logging.getLogger(__name__)


class Courier:
    """As many threads as there may be receivers at a time."""

    def __init__(self, config: Config, shared: Shared) -> None:
        self._shared = shared
        options = shared.options
        file = options.webhook_ca_file
        self._ca_file = str(config.path_of(file)) if file else ""
        self._pace = Pace(options.poll_seconds)
        #: One asks at a time, so that many idle threads are no load.
        self._asking = threading.Lock()
        self._away = Backoff()

    def start(self) -> None:
        """From now on, until the stop event."""
        for number in range(1, self._shared.options.webhook_workers + 1):
            threading.Thread(target=self._work, name=f"courier-{number}", daemon=True).start()

    def _work(self) -> None:
        stop, carrying = self._shared.stop, Backoff()
        while not stop.is_set():
            claimed = None
            # Who waits for an API that is away waits in here: the others need not say so, too.
            with self._asking, outlived(TROUBLE, self._away, stop):
                began = time.monotonic()
                claimed = self._next()
            if claimed:
                with outlived(TROUBLE, carrying, stop):
                    self._carry(claimed, began)

    def _next(self) -> ClaimedWebhook | None:
        shared = self._shared
        if shared.stop.is_set():
            return None
        asked = ClaimWebhook(worker=shared.worker, lease_seconds=shared.options.lease_seconds)
        found = shared.client.claim_webhook(asked)
        self._pace.had(bool(found))
        if not found:
            shared.stop.wait(self._pace.seconds)
            return None
        return found[0]

    def _carry(self, claimed: ClaimedWebhook, began: float) -> None:
        seconds = self._shared.options.lease_seconds

        def renew(client: RunnerClient) -> bool:
            told = RenewWebhook(claim=claimed.claim, lease_seconds=seconds)
            return client.renew_webhook(claimed.webhook, told).stop

        what = f"webhook {claimed.webhook} ({claimed.name})"
        lease = Lease(what=what, seconds=seconds, renew=renew, began=began)
        options = self._shared.options
        sender = Sender(
            claimed.url,
            claimed.secret,
            lease.stop,
            seconds=options.webhook_seconds,
            private=options.webhook_private,
            ca_file=self._ca_file,
        )
        try:
            with (
                self._shared.leases.held(lease),
                following.within(request=f"webhook-{claimed.webhook}", webhook=claimed.webhook),
            ):
                self._send_all(claimed, sender, lease)
        finally:
            sender.close()

    def _send_all(self, claimed: ClaimedWebhook, sender: Sender, lease: Lease) -> None:
        for number, delivery in enumerate(claimed.deliveries, 1):
            result = Result(None) if lease.stop.is_set() else sender.send(claimed.webhook, delivery)
            if lease.lost.is_set():
                return
            told = TellDelivery(
                claim=claimed.claim,
                outcome=_outcome(result, lease),
                status=result.status,
                error=result.error,
                after_seconds=result.after_seconds,
                last=number == len(claimed.deliveries) or self._shared.stop.is_set(),
                lease_seconds=lease.seconds,
            )
            if result.error:
                log.warning(
                    "%s: event %d: %s", lease.what, delivery.event, result.error,
                    extra=following.told(event=delivery.event),
                )  # fmt: skip
            answer = self._tell(claimed.webhook, delivery.id, told, lease)
            if answer is None or answer.stop:
                return

    def _tell(
        self, webhook: int, delivery: int, told: TellDelivery, lease: Lease
    ) -> ToldDelivery | None:
        """Try until it is told, as long as the lease lasts; None when it is another's."""
        backoff = Backoff((0.2, 5.0), (0.2, 5.0))
        while not lease.lost.is_set():
            try:
                return self._shared.client.tell_delivery(webhook, delivery, told)
            except RefusedError as e:
                log.warning("%s: what came of it is not taken: %s", lease.what, e)
                return None
            except TemporaryError as e:
                log.warning("%s: %s", lease.what, reason(e))
                lease.lost.wait(min(backoff.pause(e), lease.seconds / 10))
        return None


def _outcome(result: Result, lease: Lease) -> Outcome:
    if result.status is not None and not result.error:
        return "delivered"
    # What we ended ourselves is no failure of the receiver.
    return "returned" if lease.stop.is_set() else "failed"
