"""Wanted files, one after another: from the page's server into the storage, then told."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from postroom import following, wire
from postroom.backoff import reason
from postroom.errors import PostroomError, TemporaryError
from postroom.storage import Storage, StorageBrokenError

from . import measured
from .download import Downloaded, Unchanged, download
from .names import object_key
from .pages import Page
from .shared import Shared
from .web import Web

log = logging.getLogger(__name__)

#: What is not told yet is downloaded again after a kill: never much.
BATCH_FILES = 50
BATCH_SECONDS = 3.0
CHUNK = 1024 * 1024


@dataclass(slots=True)
class Counts:
    """What became of the files, as the API says."""

    stored: int = 0
    changed: int = 0
    known: int = 0
    failed: int = 0
    #: Why the last one failed.
    reason: str = ""

    def __str__(self) -> str:
        named = ("new", self.stored), ("changed", self.changed), ("failed", self.failed)
        return ", ".join(f"{count} {word}" for word, count in named if count) or "nothing new"


@dataclass(slots=True)
class Bringing:
    """The files of one look; a file that fails stops no other."""

    page: Page
    web: Web
    shared: Shared
    counts: Counts = field(default_factory=Counts)
    _untold: list[wire.FileRecord] = field(default_factory=list)
    _since: float = 0.0

    def bring(self, wanted: Iterable[wire.WantedFile]) -> Counts:
        """Download, store and tell all of them.

        Raises TemporaryError when the storage cannot take anything at present.
        """
        try:
            for each in wanted:
                if self.shared.stop.is_set():
                    break
                self._note(self._record(each))
        finally:
            # What is durable is told, whatever came in between.
            self._tell()
        return self.counts

    def _record(self, wanted: wire.WantedFile) -> wire.FileRecord:
        try:
            with self.shared.bars.file(f"{self.page.name}: {_end(wanted.url)}") as told:
                brought = download(self.page, self.web, wanted, self.shared.folder, told)
        except PostroomError as e:
            return wire.FileRecord(url=wanted.url, outcome="failed", reason=_short(e))
        except Exception as e:
            log.exception("%s: %s failed", self.page.name, wanted.url)
            return wire.FileRecord(url=wanted.url, outcome="failed", reason=_short(e))
        if isinstance(brought, Unchanged):
            return wire.FileRecord(
                url=wanted.url,
                outcome="unchanged",
                etag=brought.etag,
                last_modified=brought.last_modified,
            )
        return self._stored(wanted.url, brought)

    def _stored(self, url: str, brought: Downloaded) -> wire.FileRecord:
        key = object_key(self.page.name, brought.sha256, brought.name)
        try:
            _store(self.shared.storage, key, brought)
        finally:
            brought.path.unlink(missing_ok=True)
        return wire.FileRecord(
            url=url,
            outcome="stored",
            sha256=brought.sha256,
            size=brought.size,
            name=brought.name,
            type=brought.type,
            etag=brought.etag,
            last_modified=brought.last_modified,
            key=key,
        )

    def _note(self, record: wire.FileRecord) -> None:
        if record.outcome == "failed" and self.shared.stop.is_set():
            # It did not fail: we end.
            return
        numbers = self.shared.numbers
        numbers.add(measured.FILES, self.page.name, record.outcome)
        if record.outcome == "stored":
            numbers.add(measured.BYTES, self.page.name, value=record.size)
        if not self._untold:
            self._since = time.monotonic()
        self._untold.append(record)
        full = len(self._untold) >= BATCH_FILES
        if full or time.monotonic() - self._since >= BATCH_SECONDS:
            self._tell()

    def _tell(self) -> None:
        if not self._untold:
            return
        request = wire.Files(
            page=self.page.name,
            storage=self.shared.storage.id,
            items=self._untold,
            recheck=self.page.recheck_hours * 3600,
        )
        answer: wire.FilesReply = self.shared.ask(request, self.page.name)
        with following.within(request=answer.id):
            for record, reply in zip(self._untold, answer.items, strict=True):
                self._count(record, reply)
        self._untold = []

    def _count(self, record: wire.FileRecord, reply: wire.FileReply) -> None:
        counts, name = self.counts, self.page.name
        about = {"url": record.url, "status": reply.status, "file": reply.id}
        named = following.told(items=[about])
        match reply.status:
            case "stored":
                counts.stored += 1
                size = f"{record.size:,}"
                log.info("%s: new file %s, %s bytes", name, record.name, size, extra=named)
            case "changed":
                counts.changed += 1
                size = f"{record.size:,}"
                log.info("%s: changed file %s, %s bytes", name, record.name, size, extra=named)
            case "known":
                counts.known += 1
            case "failed" | "retry":
                counts.failed += 1
                counts.reason = reply.reason or record.reason
                log.warning(
                    "%s: %s failed: %s; to be tried again in %.0f s",
                    name, record.url, counts.reason, reply.after, extra=named,
                )  # fmt: skip


def _store(storage: Storage, key: str, brought: Downloaded) -> None:
    try:
        with (
            storage.open_write(key, type=brought.type, name=brought.name) as writer,
            brought.path.open("rb") as file,
        ):
            while chunk := file.read(CHUNK):
                writer.write(chunk)
            writer.commit()
    except StorageBrokenError:
        raise
    except OSError as e:
        raise TemporaryError(f"{brought.path}: cannot be read: {e.strerror}") from e


def _end(url: str) -> str:
    return url.partition("?")[0].rstrip("/").rpartition("/")[2] or url


def _short(error: Exception) -> str:
    return reason(error)[: wire.MAX_TEXT]
