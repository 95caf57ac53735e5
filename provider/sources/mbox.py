"""Mail from an mbox file, with the quoting of its "From " lines undone."""

import fcntl
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal, NamedTuple

from postroom import settings, wire
from postroom.credentials import Credentials
from postroom.errors import SourceError, TemporaryError
from postroom.headers import header_block, header_sha256
from postroom.settings import Seconds
from postroom.wire import Key

from . import Fetched, Head, textkeys

log = logging.getLogger(__name__)

INBOX = "INBOX"
#: Longer lines come in pieces.
PIECE = 64 * 1024
_HEADER_BYTES = 1024 * 1024
#: A line that begins a mail stands behind an empty one, and has a time or a header below it.
_FROM, _TIME = b"From ", re.compile(rb"\d\d:\d\d")
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_EMPTY = {b"\n", b"\r\n"}
#: What is taken off: one > of any number (mboxrd), only a single one (mboxo), or nothing.
_QUOTED = {
    "mboxrd": re.compile(rb">+From "),
    "mboxo": re.compile(rb">From "),
    "none": re.compile(rb"(?!)"),
}
Quoting = Literal["mboxrd", "mboxo", "none"]


class MboxOptions(settings.Options, frozen=True):
    """The keys of the section."""

    #: The file.
    path: str
    #: How the program that writes the file quotes lines that begin with "From ".
    quoting: Quoting = "mboxrd"
    poll_seconds: Seconds = 10.0


class Span(NamedTuple):
    """Where a mail lies in the file, without the line that begins it."""

    start: int
    end: int
    size: int


class Stamp(NamedTuple):
    """By what a change of the file is noticed."""

    inode: int
    size: int
    mtime_ns: int


class MboxSource:
    """One file, which is one folder; what is appended is read on."""

    Options: ClassVar = MboxOptions
    kind = "mbox"

    def __init__(
        self, options: MboxOptions, credentials: Credentials, path_of: Callable[[str], Path]
    ) -> None:
        self._options = options
        self._path = path_of(options.path)
        self.fingerprint = f"mbox:{self._path.resolve()}"
        self.title = f"mbox at {self._path}"
        self._index = Index(self._path, _QUOTED[options.quoting])

    def connect(self) -> None:
        """See whether it is there."""
        if not self._path.is_file():
            raise SourceError(f"{self._path} is no file")

    def folders(self) -> list[str]:
        """A file is one folder."""
        return [INBOX]

    def open(self, name: str) -> "MboxFolder":
        """Find the mails in the file."""
        self.connect()
        with _opened(self._path) as file:
            self._index.update(file)
        return MboxFolder(name, self._index)

    def poll_seconds(self) -> float:
        """As configured."""
        return self._options.poll_seconds

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Look once a second whether the file has changed."""
        stop.wait(min(seconds, 1.0))
        return self._index.changed()

    def close(self) -> None:
        """Nothing is kept open."""


class Index:
    """Where each mail lies, by the SHA-256 of its bytes; kept over looks."""

    def __init__(self, path: Path, quoted: re.Pattern[bytes]) -> None:
        self.path = path
        self.quoted = quoted
        self.spans: dict[str, Span] = {}
        self._last = ("", Span(0, 0, 0))
        self._repeated = 0
        self.stamp = Stamp(0, 0, 0)

    def changed(self) -> bool:
        """Whether the file is another than at the last look."""
        try:
            return _stamp(self.path.stat()) != self.stamp
        except OSError:
            # The next look says what is wrong.
            return True

    def update(self, file: BinaryIO) -> None:
        """Read on behind the last mail if it is still there, else from the beginning."""
        stamp = _stamp(os.fstat(file.fileno()))
        if stamp == self.stamp:
            return
        key, span = self._last
        if not self._is_there(file, stamp):
            self.spans, self._repeated, span = {}, 0, Span(0, 0, 0)
        else:
            # More may belong to it: it is read again.
            self.spans.pop(key)
        self._read(file, span.start)
        self.stamp = stamp
        if self._repeated:
            log.info("%s: %d mails stand there more than once", self.path, self._repeated)

    def _is_there(self, file: BinaryIO, stamp: Stamp) -> bool:
        key, span = self._last
        if stamp.inode != self.stamp.inode or stamp.size < self.stamp.size or not key:
            return False
        return self.hashed(file, span) == key

    def _read(self, file: BinaryIO, start: int) -> None:
        for begin, end in _spans(file, start):
            size, digest = 0, sha256()
            for piece in self.pieces(file, Span(begin, end, 0)):
                size += len(piece)
                digest.update(piece)
            span, key = Span(begin, end, size), digest.hexdigest()
            self._repeated += key in self.spans
            self.spans[key] = span
            self._last = (key, span)

    def hashed(self, file: BinaryIO, span: Span) -> str:
        """The key of what lies there now."""
        digest = sha256()
        for piece in self.pieces(file, span):
            digest.update(piece)
        return digest.hexdigest()

    def pieces(self, file: BinaryIO, span: Span) -> Iterator[bytes]:
        """The lines of a mail as they were before they were quoted; long ones in pieces."""
        file.seek(span.start)
        left, starts = span.end - span.start, True
        while left > 0 and (line := file.readline(min(PIECE, left))):
            left -= len(line)
            yield line[1:] if starts and self.quoted.match(line) else line
            starts = line.endswith(b"\n")


class MboxFolder:
    """Keys are the SHA-256 of the mails: the same bytes twice are one mail."""

    uidvalidity = 0

    def __init__(self, name: str, index: Index) -> None:
        self.name = name
        self._index = index
        self.status = wire.Status(uidnext=index.stamp.mtime_ns, exists=index.stamp.size)

    def keys(self) -> list[Key]:
        """In the order of the file."""
        return list(self._index.spans)

    def windows(self) -> Iterator[wire.Window]:
        """In the order of their hashes, which is none."""
        return textkeys.windows(self._index.spans)

    def first_key(self) -> Key | None:
        """All is brought."""
        return None

    def sizes(self, keys: Sequence[Key]) -> dict[Key, int]:
        """As they were when the file was read."""
        return {key: span.size for key in keys if (span := self._index.spans.get(str(key)))}

    def heads(self, keys: Sequence[Key]) -> dict[Key, Head]:
        """Size and header block."""
        with _opened(self._index.path) as file:
            return {k: Head(size, self._head(file, k)) for k, size in self.sizes(keys).items()}

    def digests(self, keys: Sequence[Key]) -> list[wire.Digest]:
        """Size and hash of the header block."""
        with _opened(self._index.path) as file:
            return [
                wire.Digest(key=key, size=size, header_sha256=header_sha256(self._head(file, key)))
                for key, size in self.sizes(keys).items()
            ]

    def samples(self, keys: Sequence[Key]) -> list[wire.Sample]:
        """A hash never means another mail: there is nothing to compare."""
        return []

    def fetch(self, keys: Sequence[Key]) -> Iterator[Fetched]:
        """The mails, if they still lie where they lay."""
        with _opened(self._index.path) as file:
            for key in keys:
                span = self._index.spans.get(str(key))
                body = b"".join(self._index.pieces(file, span)) if span else b""
                if span and sha256(body).hexdigest() == key:
                    yield Fetched(key, body)
                else:
                    yield Fetched(key, outcome="gone")

    def stream(self, key: Key, piece: int) -> Iterator[bytes]:
        """The mail in pieces, if it still lies where it lay."""
        span = self._index.spans.get(str(key))
        if span is None:
            return
        with _opened(self._index.path) as file:
            if self._index.hashed(file, span) != key:
                return
            body = bytearray()
            for line in self._index.pieces(file, span):
                body += line
                while len(body) >= piece:
                    yield bytes(body[:piece])
                    del body[:piece]
            if body:
                yield bytes(body)

    def _head(self, file: BinaryIO, key: Key) -> bytes:
        head = bytearray()
        for line in self._index.pieces(file, self._index.spans[str(key)]):
            head += line
            if line in _EMPTY or len(head) > _HEADER_BYTES:
                break
        return header_block(bytes(head))


def _spans(file: BinaryIO, start: int) -> Iterator[tuple[int, int]]:
    """Where the mails from `start` on lie; the empty line before the next one is nobody's."""
    file.seek(start)
    at, begin, empty_at, starts = start, start or None, None, True
    blank = not start
    while line := file.readline(PIECE):
        here, at = at, at + len(line)
        if starts and blank and _begins(file, line):
            if begin is not None:
                yield begin, here if empty_at is None else empty_at
            # The reader of the span, and the look ahead, moved it.
            begin, empty_at, blank = at, None, False
            file.seek(at)
        elif begin is not None or line not in _EMPTY:
            if begin is None:
                raise SourceError('no mbox: it does not begin with a line "From "')
            blank = starts and line in _EMPTY
            empty_at = here if blank else None
        starts = line.endswith(b"\n")
    if begin is not None:
        yield begin, at if empty_at is None else empty_at


def _begins(file: BinaryIO, line: bytes) -> bool:
    if not line.startswith(_FROM):
        return False
    if _TIME.search(line):
        return True
    at = file.tell()
    below = file.readline(PIECE)
    file.seek(at)
    return bool(_HEADER.match(below))


def _stamp(told: os.stat_result) -> Stamp:
    return Stamp(told.st_ino, told.st_size, told.st_mtime_ns)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file under a shared lock: programs that deliver into it lock it too."""
    try:
        with path.open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            yield file
    except BlockingIOError as e:
        raise TemporaryError(f"{path}: another program is writing it") from e
    except OSError as e:
        raise SourceError(f"{path}: {e.strerror}") from e
