"""A file's download: streamed, hashed on the way, resumed where it was cut, never believed."""

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from postroom import wire
from postroom.errors import SourceError, TemporaryError

from .links import filters
from .names import name_of
from .pages import MEGABYTE, Page
from .web import Answer, BrokenError, Web

#: Tries in a row that bring nothing before the next look has to.
TRIES = 3
_TEXT = 2_000
_ARCHIVES = (".gz", ".tgz", ".svgz", ".z")
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")

Told = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A whole file on this disk; whoever asked for it deletes `path`."""

    path: Path
    sha256: str
    #: Bytes.
    size: int
    #: Safe to show and to use as the end of a key.
    name: str
    #: Media type as the server told it.
    type: str
    etag: str
    last_modified: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """It is what is stored already: the server says so, or the bytes do."""

    etag: str
    last_modified: str


@dataclass(slots=True)
class _Partial:
    """What is here so far."""

    file: IO[bytes]
    hash: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    #: Of the whole, where it is known.
    total: int | None = None
    #: By which the server knows that it goes on with the same file: ETag or Last-Modified.
    validator: str = ""

    def restart(self) -> None:
        """From the first byte."""
        if self.size:
            self.file.seek(0)
            self.file.truncate()
        self.hash, self.size, self.total, self.validator = hashlib.sha256(), 0, None, ""

    def add(self, piece: bytes) -> None:
        """Take a piece."""
        self.file.write(piece)
        self.hash.update(piece)
        self.size += len(piece)


def download(
    page: Page, web: Web, wanted: wire.WantedFile, folder: Path, progress: Told
) -> Downloaded | Unchanged:
    """Bring a file into `folder`; SourceError (somebody has to look) or TemporaryError (later)."""
    with _temporary(folder) as (file, path, keep):
        end = _brought(page, web, wanted, _Partial(file), progress)
        if isinstance(end, Unchanged):
            return end
        answer, partial = end
        etag, modified = answer.header("ETag")[:_TEXT], answer.header("Last-Modified")[:_TEXT]
        sha256 = partial.hash.hexdigest()
        if sha256 == wanted.sha256:
            return Unchanged(etag, modified)
        type_ = answer.header("Content-Type")[:_TEXT]
        name = name_of(answer.header("Content-Disposition"), (wanted.url, answer.url), type_)
        keep()
        return Downloaded(path, sha256, partial.size, name, type_, etag, modified)


def _brought(
    page: Page, web: Web, wanted: wire.WantedFile, partial: _Partial, progress: Told
) -> Unchanged | tuple[Answer, _Partial]:
    """Try while the tries bring something."""
    most_bytes = page.max_megabytes * MEGABYTE
    most, idle = 0, 0
    while True:
        try:
            asked = _asked(wanted, partial)
            with web.open(wanted.url, asked, page.download_seconds, most_bytes) as answer:
                if answer.status == 304:
                    return Unchanged(wanted.etag, wanted.last_modified)
                _take(page, wanted, answer, partial, progress)
                return answer, partial
        except OSError as e:
            raise TemporaryError(f"{partial.file.name}: cannot be written: {e.strerror}") from e
        except BrokenError:
            idle = 0 if partial.size > most else idle + 1
            most = max(most, partial.size)
            if idle >= TRIES:
                raise
            web.wait(idle or 1)


def _asked(wanted: wire.WantedFile, partial: _Partial) -> dict[str, str]:
    """The rest of what is here, or all of it if it is not the one that is stored."""
    if partial.size and _can_be_sent(partial.validator):
        return {"Range": f"bytes={partial.size}-", "If-Range": partial.validator}
    if wanted.what != "recheck" or not wanted.sha256:
        return {}
    known = {"If-None-Match": wanted.etag, "If-Modified-Since": wanted.last_modified}
    return {name: value for name, value in known.items() if _can_be_sent(value)}


def _can_be_sent(value: str) -> bool:
    """Some servers put anything into their headers; back it goes only if it is a header's."""
    return bool(value) and value.isascii() and value.isprintable() and value == value.strip()


def _take(
    page: Page, wanted: wire.WantedFile, answer: Answer, partial: _Partial, progress: Told
) -> None:
    most = page.max_megabytes * MEGABYTE
    too_large = SourceError(f"{answer.url}: is larger than max_megabytes = {page.max_megabytes}")
    packed = bool(answer.header("Content-Encoding")) and not _is_archive(answer)
    if not _goes_on(answer, partial):
        partial.restart()
        if not packed:
            # Lengths and ranges count the bytes as they are sent.
            partial.total, partial.validator = answer.length, _validator(answer)
    if (partial.total or 0) > most:
        raise too_large
    for piece in answer.unpacked() if packed else answer.pieces():
        if not partial.size and _is_page_instead(wanted, answer, piece):
            raise SourceError(
                f"{wanted.url}: a web page comes where a file was: is a login needed?"
            )
        if partial.size + len(piece) > most:
            raise too_large
        partial.add(piece)
        progress(partial.size, partial.total)
    partial.file.flush()
    if partial.total is not None and partial.size != partial.total:
        raise BrokenError(f"{answer.url}: ends after {partial.size} of {partial.total} bytes")


def _is_page_instead(wanted: wire.WantedFile, answer: Answer, piece: bytes) -> bool:
    """Many servers answer 200 with a page that says no: it is no new version of report.pdf."""
    if filters.is_page(wanted.url) or "html" not in answer.header("Content-Type").lower():
        return False
    return (
        piece.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html"))
    )


def _is_archive(answer: Answer) -> bool:
    """Many servers call a .gz file compressed in transfer: it is to stay what it is."""
    path = answer.url.partition("?")[0].lower()
    return path.endswith(_ARCHIVES) or "gzip" in answer.header("Content-Type").lower()


def _goes_on(answer: Answer, partial: _Partial) -> bool:
    """Whether these bytes follow those that are here."""
    if answer.status == 416:
        partial.restart()
        raise BrokenError(f"{answer.url}: the server does not go on where it was cut")
    if answer.status != 206:
        return False
    told = _RANGE.fullmatch(answer.header("Content-Range").strip())
    same = _validator(answer) in ("", partial.validator)
    if not told or int(told[1]) != partial.size or not same:
        partial.restart()
        raise BrokenError(f"{answer.url}: the server goes on with something else")
    if told[3] != "*":
        partial.total = int(told[3])
    return True


def _validator(answer: Answer) -> str:
    """What If-Range may say (RFC 9110, 13.1.5): a weak ETag proves nothing of bytes."""
    etag = answer.header("ETag")
    if etag:
        return "" if etag.startswith("W/") else etag
    return answer.header("Last-Modified")


@contextmanager
def _temporary(folder: Path) -> Iterator[tuple[IO[bytes], Path, Callable[[], None]]]:
    """A file that goes away again unless it is kept."""
    kept: list[bool] = []
    try:
        file = tempfile.NamedTemporaryFile(dir=folder, prefix="download-", delete=False)  # noqa: SIM115
    except OSError as e:
        raise TemporaryError(f"{folder}: cannot be written: {e.strerror}") from e
    path = Path(file.name)
    try:
        with file:
            yield file, path, lambda: kept.append(True)
    finally:
        if not kept:
            path.unlink(missing_ok=True)
