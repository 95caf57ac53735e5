"""Mail from a Maildir on this machine, byte for byte."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import ClassVar

from postroom import settings, wire
from postroom.credentials import Credentials
from postroom.errors import SourceError
from postroom.headers import header_block, header_sha256
from postroom.settings import Seconds
from postroom.wire import Key

from . import WINDOW_KEYS, Fetched

#: Below and above every file name.
_LOWEST, _HIGHEST = "\x01", "\U0010ffff"
_MAX_KEY = 400
_HEADER_BYTES = 1024 * 1024
INBOX = "INBOX"


class MaildirOptions(settings.Options, frozen=True):
    """The keys of the section."""

    #: The folder that holds new and cur.
    path: str
    #: INBOX is the folder itself; Work.Old is the subfolder .Work.Old; patterns with *.
    folders: tuple[str, ...] = (INBOX,)
    poll_seconds: Seconds = 10.0


class MaildirSource:
    """A Maildir and its subfolders (Maildir++)."""

    Options: ClassVar = MaildirOptions
    kind = "maildir"

    def __init__(
        self, options: MaildirOptions, credentials: Credentials, path_of: Callable[[str], Path]
    ) -> None:
        self._options = options
        self._path = path_of(options.path)
        self.fingerprint = f"maildir:{self._path.resolve()}"
        self.title = f"maildir at {self._path}"
        self._watched: MaildirFolder | None = None

    def connect(self) -> None:
        """See whether it is there."""
        _require(self._path)

    def folders(self) -> list[str]:
        """The configured names, and what the patterns match now."""
        _require(self._path)
        there = sorted(
            path.name[1:]
            for path in self._path.iterdir()
            if path.name.startswith(".") and (path / "cur").is_dir()
        )
        names: dict[str, None] = {}
        for pattern in self._options.folders:
            found = [name for name in (INBOX, *there) if fnmatchcase(name, pattern)]
            names.update(dict.fromkeys(found or [pattern]))
        self._watched = None
        return list(names)

    def open(self, name: str) -> "MaildirFolder":
        """Take note of what the folder holds."""
        folder = MaildirFolder(name, self._path if name == INBOX else self._path / f".{name}")
        self._watched = self._watched or folder
        return folder

    def poll_seconds(self) -> float:
        """As configured."""
        return self._options.poll_seconds

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Look once a second whether the watched folder has changed."""
        stop.wait(min(seconds, 1.0))
        return self._watched is not None and self._watched.changed()

    def close(self) -> None:
        """Nothing is kept open."""


class MaildirFolder:
    """Keys are the parts of the file names before the flags: they stay when a mail is moved."""

    uidvalidity = 0

    def __init__(self, name: str, path: Path) -> None:
        _require(path)
        self.name = name
        self._path = path
        # Before the listing: what comes meanwhile is news.
        self._seen = _last_change(path)
        self._files = dict(_files(path))
        # The time of the last change stands for UIDNEXT: both differ when mail has come.
        self.status = wire.Status(uidnext=self._seen, exists=len(self._files))

    def changed(self) -> bool:
        """Whether a file came or went since the folder was opened."""
        try:
            return _last_change(self._path) != self._seen
        except OSError:
            # The next look says what is wrong.
            return True

    def windows(self) -> Iterator[wire.Window]:
        """Names begin with the time of delivery: the highest are the newest."""
        keys = iter(sorted(self._files, reverse=True))
        chunk, high = list(islice(keys, WINDOW_KEYS)), _HIGHEST
        while True:
            following = list(islice(keys, WINDOW_KEYS))
            low = chunk[-1] if following else _LOWEST
            yield wire.Window(low=low, high=high, keys=chunk)
            if not following:
                return
            # The next name below a name has no text of its own: the windows share that one.
            high, chunk = low, following

    def first_key(self) -> Key | None:
        """All is brought."""
        return None

    def sizes(self, keys: Sequence[Key]) -> dict[Key, int]:
        """As the file system tells."""
        sizes: dict[Key, int] = {}
        for key in keys:
            try:
                sizes[key] = self._find(key).stat().st_size
            except OSError:
                continue
        return sizes

    def digests(self, keys: Sequence[Key]) -> list[wire.Digest]:
        """Size and hash of the header block."""
        sizes = self.sizes(keys)
        return [
            wire.Digest(key=key, size=size, header_sha256=header_sha256(self._header(key)))
            for key, size in sizes.items()
        ]

    def samples(self, keys: Sequence[Key]) -> list[wire.Sample]:
        """File names are never given twice: there is nothing to compare."""
        return []

    def fetch(self, keys: Sequence[Key]) -> Iterator[Fetched]:
        """The files as they are."""
        for key in keys:
            try:
                yield Fetched(key, self._find(key).read_bytes())
            except FileNotFoundError:
                yield Fetched(key, outcome="gone")
            except OSError as e:
                yield Fetched(key, outcome="refused", reason=str(e))

    def stream(self, key: Key, piece: int) -> Iterator[bytes]:
        """The file in pieces."""
        try:
            with self._find(key).open("rb") as file:
                while data := file.read(piece):
                    yield data
        except FileNotFoundError:
            return
        except OSError as e:
            raise SourceError(str(e)) from e

    def _header(self, key: Key) -> bytes:
        with self._find(key).open("rb") as file:
            return header_block(file.read(_HEADER_BYTES))

    def _find(self, key: Key) -> Path:
        path = self._files.get(str(key))
        if path is None or not path.exists():
            # Another program moved it to cur or gave it flags.
            self._files = dict(_files(self._path))
            path = self._files.get(str(key))
        if path is None:
            raise FileNotFoundError(f"{self._path}: no mail {key}")
        return path


def _require(path: Path) -> None:
    if not (path / "cur").is_dir() or not (path / "new").is_dir():
        raise SourceError(f"{path} is no Maildir: it has no folders new and cur")


def _last_change(path: Path) -> int:
    return max((path / name).stat().st_mtime_ns for name in ("new", "cur"))


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    for name in ("new", "cur"):
        for entry in os.scandir(path / name):
            if not entry.name.startswith(".") and entry.is_file():
                yield _key(entry.name), Path(entry.path)


def _key(file_name: str) -> str:
    unique = file_name.partition(":2,")[0]
    if len(unique) <= _MAX_KEY and unique.isprintable():
        return unique
    # Not UTF-8, or too long for a key.
    return f"name-{sha256(os.fsencode(unique)).hexdigest()}"
