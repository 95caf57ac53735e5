"""Tasks of the kind "parse": what was set aside, from the store through the parser once more."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from postroom import records
from postroom.api_client import ApiClient, Claimed
from postroom.errors import ObjectMissingError, RefusedError
from postroom.headers import header_block, header_sha256
from postroom.storage import Storage

from . import parsers
from .intake import storing
from .outage import asking_api
from .sinks import Batch, Delivery, Sink, Verdict

log = logging.getLogger(__name__)

KINDS = ("parse",)
MAX_REASON = 500
LOST = "the store has lost the raw bytes"


@dataclass(frozen=True, slots=True)
class Retries:
    """Raises TemporaryError when nothing was decided: the task comes again after its lease."""

    api: ApiClient
    storage: Storage
    sinks: Sequence[Sink]
    parse: Callable[[bytes], records.Mail]
    #: By what name tasks are claimed.
    worker: str
    #: Longer than the front lets a worker live with one task.
    lease_seconds: float

    def one(self) -> bool:
        """Carry out a task; False when there is none.

        One at a time: a mail that kills or hangs the worker takes no other with it.
        """
        with asking_api():
            tasks = self.api.claim(KINDS, self.worker, self.lease_seconds)
        for task in tasks:
            result = self._retry(task)
            log.info("Master: %s: item %s: %s", task.source, task.target.get("key"), result)
            with asking_api():
                self.api.finish_task(task.id, self.worker, result)
        return bool(tasks)

    def _retry(self, task: Claimed) -> str:
        delivery = self._read(task)
        with storing():
            number = self.storage.batch()
        batch = Batch([delivery], self.storage.id, number, self.storage.url)
        verdicts: Sequence[Verdict] = ()
        try:
            for sink in self.sinks:
                verdicts = sink.deliver(batch)
        except RefusedError as e:
            return f"refused: {e}"[:MAX_REASON]
        status, reason = verdicts[0].status, verdicts[0].reason or delivery.reason
        # A content that was parsed in the meantime is a duplicate, and settled all the same.
        return f"{status}: {reason}" if reason else status

    def _read(self, task: Claimed) -> Delivery:
        sha = str(task.target["sha256"])
        aside = replace(_place(task), outcome="quarantined", stage="parse")
        try:
            with storing():
                raw = self.storage.get(sha)
        except ObjectMissingError:
            # Without bytes it is fetched again.
            return replace(aside, reason=LOST)
        content: dict[str, Any] = {
            "sha256": sha,
            "size": len(raw),
            "header_sha256": header_sha256(header_block(raw)),
            "parser": parsers.PARSER_VERSION,
        }
        try:
            return replace(_place(task), **content, mail=self.parse(raw))
        except Exception as e:
            log.exception("%s: item %s cannot be parsed", task.source, aside.key)
            return replace(aside, **content, reason=f"{type(e).__name__}: {e}"[:MAX_REASON])


def _place(task: Claimed) -> Delivery:
    names = ("epoch", "folder", "uidvalidity", "generation", "key")
    return Delivery(mailbox=task.source, **{name: task.target[name] for name in names})
