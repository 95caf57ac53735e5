"""Webhooks as runners have them: one runner at a time, in order, with rests that grow."""

import random
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from postroom.courier import (
    MAX_DELIVERIES,
    ClaimedDelivery,
    ClaimedWebhook,
    ClaimedWebhooks,
    ClaimWebhook,
    RenewWebhook,
    TellDelivery,
    ToldDelivery,
)
from postroom.errors import RefusedError

from .. import tasks
from ..database import Database
from ..deliveries import MAX_LINE, clean
from ..log import events
from ..models import Task, Webhook, WebhookDelivery, now
from ..schedule import after, stamp
from . import webhookfill, webhooks

#: So often an event is tried, with pauses that double from the first.
TRIES = 10
FIRST_SECONDS = 5.0
#: A webhook that fails is left alone for no longer than this.
LONGEST_REST = 300.0
#: After so many tries in vain what comes behind no longer waits.
HELD = 3
#: Failures one after another that are told of.
FAILING = 5
GONE = 410


def claim(db: Database, asked: ClaimWebhook) -> ClaimedWebhooks:
    """Lease a webhook that has something to be sent; where there is none nothing is written."""
    if not (webhookfill.is_any() or _ready()):
        return ClaimedWebhooks()
    with db.writing():
        webhookfill.fill()
        # The one that waits the longest since it was looked after.
        for hook in _ready():
            return ClaimedWebhooks(webhooks=[_give(hook, asked)])
    return ClaimedWebhooks()


def _ready() -> list[Any]:
    time = now()
    is_free = ((Task.state == "due") & (Task.due <= time)) | (
        (Task.state == "leased") & (Task.lease_until < time)
    )
    found = Webhook.select(Webhook, Task).join(Task).where(Webhook.enabled, is_free)
    return [hook for hook in found.order_by(Task.changed, Webhook.id) if sendable(hook)]


def sendable(hook: Any) -> list[int]:
    """Ids of deliveries that may be sent now, in order of their events.

    One that failed holds up those behind it, until it has failed so often that they go first.
    """
    time, found = now(), []
    fields = WebhookDelivery.id, WebhookDelivery.attempts, WebhookDelivery.next_try
    due = WebhookDelivery.select(*fields).where(
        WebhookDelivery.webhook == hook.id, webhookfill.IS_DUE
    )
    for id_, attempts, next_try in due.order_by(WebhookDelivery.event).tuples():
        if next_try <= time:
            found.append(id_)
        elif attempts < HELD:
            break
        if len(found) == MAX_DELIVERIES:
            break
    return found


def _give(hook: Any, asked: ClaimWebhook) -> ClaimedWebhook:
    hook.claim = secrets.token_hex(16)
    Webhook.update(claim=hook.claim).where(Webhook.id == hook.id).execute()
    tasks.lease_until(hook.task_id, asked.worker, _until(asked.lease_seconds))
    rows = WebhookDelivery.select().where(WebhookDelivery.id.in_(sendable(hook)))
    return ClaimedWebhook(
        webhook=hook.id,
        claim=hook.claim,
        name=hook.name,
        url=hook.url,
        secret=hook.secret,
        deliveries=[
            ClaimedDelivery(
                id=row.id, event=row.event, kind=row.kind, attempt=row.attempts + 1, body=row.body
            )
            for row in rows.order_by(WebhookDelivery.event)
        ],
    )


def renew(db: Database, id_: int, told: RenewWebhook) -> ToldDelivery:
    """Let a lease go on."""
    with db.writing():
        hook = _held(id_, told.claim)
        _extend(hook, told.lease_seconds)
    return ToldDelivery(stop=not hook.enabled)


def tell(db: Database, id_: int, delivery_id: int, told: TellDelivery) -> ToldDelivery:
    """Note what came of a delivery; one that failed ends the lease, so that the webhook rests."""
    with db.writing():
        hook = _held(id_, told.claim)
        delivery = WebhookDelivery.get_or_none(
            WebhookDelivery.webhook == id_, WebhookDelivery.id == delivery_id
        )
        if delivery is None:
            raise RefusedError("not_found", f"webhook {id_} has no delivery {delivery_id}")
        rest = 0.0
        if told.outcome == "failed":
            rest = _failed(hook, delivery, told)
        # Told twice, it was delivered once.
        elif told.outcome == "delivered" and delivery.state == "due":
            _delivered(hook, delivery, told)
        stop = told.last or told.outcome != "delivered" or not hook.enabled
        if stop:
            hook.claim = ""
            tasks.put_off_by_id(hook.task_id, hook.last_error if rest else "", after(rest))
        else:
            _extend(hook, told.lease_seconds)
        hook.save()
    return ToldDelivery(stop=stop)


def _delivered(hook: Any, delivery: Any, told: TellDelivery) -> None:
    time = now()
    delivery.state, delivery.status, delivery.error = "delivered", told.status, ""
    delivery.attempts += 1
    delivery.next_try, delivery.ended, delivery.changed = "", time, time
    delivery.save()
    if hook.failing:
        events.tell("webhook.recovered", hook.name, webhook=hook.id)
    hook.failures, hook.failing, hook.last_delivered_at = 0, False, time


def _failed(hook: Any, delivery: Any, told: TellDelivery) -> float:
    """Seconds that the webhook rests."""
    time = now()
    delivery.attempts += 1
    delivery.status, delivery.error = told.status, clean(told.error, MAX_LINE)[:500]
    delivery.changed = time
    if delivery.attempts >= TRIES or told.status == GONE:
        delivery.state, delivery.next_try, delivery.ended = "failed", "", time
    else:
        delivery.next_try = after(max(told.after_seconds, pause(delivery.attempts)))
    delivery.save()
    hook.failures += 1
    hook.last_error, hook.last_error_at = delivery.error, time
    if told.status == GONE:
        hook.enabled, hook.disabled = False, "its receiver says that it is gone (410)"
        events.tell("webhook.disabled", hook.name, webhook=hook.id, reason=hook.disabled)
    elif hook.failures >= FAILING and not hook.failing:
        hook.failing = True
        about = {"webhook": hook.id, "failures": hook.failures, "error": hook.last_error}
        events.tell("webhook.failing", hook.name, **about)
    return max(told.after_seconds, min(pause(hook.failures), LONGEST_REST))


def pause(failures: int) -> float:
    """Seconds until the next try after so many."""
    # No secret: the jitter only keeps many from knocking together.
    return FIRST_SECONDS * 2.0 ** min(failures - 1, 20) * random.uniform(1.0, 1.25)  # noqa: S311


def clear_up(db: Database, delivered_hours: float, failed_days: float = 7) -> int:
    """Delete deliveries that have been over for long; how many they are."""
    at = datetime.now(UTC)
    delivered = stamp(at - timedelta(hours=delivered_hours))
    failed = stamp(at - timedelta(days=failed_days))
    over = (WebhookDelivery.state != "due") & (
        ((WebhookDelivery.state == "delivered") & (WebhookDelivery.ended < delivered))
        | (WebhookDelivery.ended < failed)
    )
    if not WebhookDelivery.select().where(over).exists():
        return 0
    with db.writing():
        return int(WebhookDelivery.delete().where(over).execute())


def _extend(hook: Any, seconds: float) -> None:
    tasks.lease_until(hook.task_id, hook.task.worker, _until(seconds))


def _until(seconds: float) -> str:
    return stamp(datetime.now(UTC) + timedelta(seconds=seconds))


def _held(id_: int, claim: str) -> Any:
    """The webhook, while this very lease lasts; call it inside a write transaction."""
    hook = (
        Webhook.select(Webhook, Task)
        .join(Task)
        .where(
            Webhook.id == id_,
            Webhook.claim == claim,
            Task.state == "leased",
            Task.lease_until >= now(),
        )
        .get_or_none()
    )
    if hook is None:
        webhooks.found(id_)
        raise RefusedError("lease_lost", f"webhook {id_} is not leased under this claim (any more)")
    return hook
