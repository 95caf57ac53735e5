"""The sink that decides: the API's database."""

import logging
from collections.abc import Sequence
from typing import Self

import msgspec

from postroom.api_client import ApiClient
from postroom.errors import RefusedError
from postroom.settings import Config

from ..outage import asking_api
from . import Batch, Delivery, Verdict

log = logging.getLogger(__name__)

#: A mail that the API will not have even as quarantined comes again after so long.
HOPELESS_SECONDS = 600.0
#: Refusals of the source rather than of a mail: it has to say HELLO again.
OF_THE_SOURCE = frozenset({"unknown_mailbox", "storage_mismatch"})


class ApiSink:
    """Posts a batch; one that is refused twice is halved until the culprit stands alone."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    @classmethod
    def open(cls, config: Config, api: ApiClient) -> Self:
        """Use the connection that the worker has."""
        return cls(api)

    def deliver(self, batch: Batch) -> list[Verdict]:
        """Post all deliveries in one request."""
        return self._deliver(batch.deliveries, batch)

    def _deliver(self, deliveries: Sequence[Delivery], batch: Batch) -> list[Verdict]:
        for _ in range(2):
            try:
                return self._post(deliveries, batch)
            except RefusedError as e:
                if e.code in OF_THE_SOURCE:
                    raise
                refusal = e
        return self._divide(deliveries, batch, refusal)

    def _divide(
        self, deliveries: Sequence[Delivery], batch: Batch, refusal: RefusedError
    ) -> list[Verdict]:
        if len(deliveries) == 1:
            return [self._set_aside(deliveries[0], batch, refusal)]
        log.warning("the API refused a batch of %d twice (%s): halved", len(deliveries), refusal)
        middle = len(deliveries) // 2
        halves = deliveries[:middle], deliveries[middle:]
        return [verdict for half in halves for verdict in self._deliver(half, batch)]

    def _set_aside(self, delivery: Delivery, batch: Batch, refusal: RefusedError) -> Verdict:
        reason = f"the API refused it: {refusal}"[:500]
        if delivery.mail is None:
            return Verdict("retry", HOPELESS_SECONDS, reason)
        without = msgspec.structs.replace(
            delivery, mail=None, outcome="quarantined", stage="store", reason=reason
        )
        try:
            return self._post([without], batch)[0]
        except RefusedError:
            return Verdict("retry", HOPELESS_SECONDS, reason)

    def _post(self, deliveries: Sequence[Delivery], batch: Batch) -> list[Verdict]:
        try:
            with asking_api():
                answers = self._api.deliver(deliveries, batch.storage, batch.number)
        except (ValueError, TypeError, OverflowError) as e:
            # No msgpack can hold it: a lone surrogate, say.
            raise RefusedError("unencodable", str(e)) from e
        return [Verdict(*answer) for answer in answers]
