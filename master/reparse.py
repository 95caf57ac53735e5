"""`python -m master reparse`: everything that another version of the parser read, read again."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from postroom import daemon, settings
from postroom.api_client import ApiClient, Unparsed
from postroom.credentials import api_token
from postroom.errors import RefusedError, TemporaryError
from postroom.progress import Progress, progress

from . import parsers
from .readers import Again, Reader

log = logging.getLogger(__name__)

BATCH_MAILS = 50
BATCH_BYTES = 4 * 1024 * 1024
#: How often in a row the API or the store may not answer before we give up.
TRIES = 5
API_SECONDS = 60.0


class Reparse:
    """Keeps nothing between two batches: what is left to do, the API knows."""

    def __init__(self, api: ApiClient, readers: Sequence[Reader], shown: Progress) -> None:
        self._api = api
        self._readers = readers
        self._shown = shown
        self._version = parsers.PARSER_VERSION
        self.counts: Counter[str] = Counter()

    def some(self) -> bool:
        """Read a batch for each reader; False when nothing is left to read."""
        found = self._api.unparsed(self._version, BATCH_MAILS * len(self._readers))
        batches = list(zip(self._readers, batched(found.items), strict=False))
        for reader, batch in batches:
            reader.begin(batch)
        total = self.counts.total() + found.left
        troubles = []
        # Every answer is taken, so that none is left in a reader for another batch.
        for reader, _ in batches:
            try:
                self._hand_in(reader.end())
            except TemporaryError as e:
                troubles.append(e)
            self._shown.told(self.counts.total(), total, words(self.counts))
        if troubles:
            raise troubles[0]
        return bool(found.items)

    def _hand_in(self, again: Sequence[Again]) -> None:
        try:
            statuses = self._api.reparsed(self._version, again)
        except RefusedError as e:
            if len(again) == 1 and again[0].mail is None:
                raise
            for one in again:
                # Alone a record may be short enough; what is not keeps the one it has.
                hopeless = msgspec.structs.replace(one, mail=None, reason=f"{e.code}: {e}"[:500])
                self._hand_in([hopeless if len(again) == 1 else one])
            return
        self.counts.update(statuses)
        for one, status in zip(again, statuses, strict=True):
            if status == "failed":
                log.warning("Master: mail %d is left as it was: %s", one.id, one.reason)


def batched(mails: Sequence[Unparsed]) -> Iterator[Sequence[Unparsed]]:
    """Neighbours in batches of bounded number and size; a large mail stands alone."""
    batch: list[Unparsed] = []
    size = 0
    for mail in mails:
        if batch and (len(batch) == BATCH_MAILS or size + mail.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(mail)
        size += mail.size
    if batch:
        yield batch


def words(counts: Counter[str]) -> str:
    """Counts as people read them."""
    kinds = [kind for kind in ("changed", "same", "failed", "unknown") if counts[kind]]
    return ", ".join(f"{counts[kind]:,} {kind}" for kind in kinds) or "nothing to do"


def reparse(running: daemon.Daemon) -> int:
    """Go on until nothing is left, or the stop event is set."""
    config = running.config
    master = config.section("master", settings.Master)
    url = config.section("api", settings.Api).base_url
    api = ApiClient(url, api_token(config), timeout=API_SECONDS)
    readers = [Reader(config.file, master.deadline_seconds) for _ in range(master.workers)]
    try:
        with progress("Master: reparse") as shown:
            work = Reparse(api, readers, shown)
            whole = _all(running, work)
    finally:
        for reader in readers:
            reader.close()
        api.close()
    end = "" if whole else "; stopped before the end, the same command goes on"
    log.info(
        "Master: reparse: %d mails read by version %d: %s%s",
        work.counts.total(), parsers.PARSER_VERSION, words(work.counts), end,
    )  # fmt: skip
    return daemon.Exit.OK


def _all(running: daemon.Daemon, work: Reparse) -> bool:
    failures = 0
    while not running.stop.is_set():
        try:
            if not work.some():
                return True
            failures = 0
        except TemporaryError as e:
            failures += 1
            if failures == TRIES:
                raise
            log.warning("Master: reparse: %s; trying again in %g s", e, e.after)
            running.stop.wait(e.after)
    return False
