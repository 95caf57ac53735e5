"""Mail from a Maildir on this machine, byte for byte."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import ClassVar

from postroom import settings
from postroom.credentials import Credentials
from postroom.errors import SourceError
from postroom.settings import Seconds
from postroom.storage.durable import fsync_folder
from postroom.wire import Key

from . import Head, textkeys
from .files import INBOX, FilesFolder


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
        folder = MaildirFolder(name, self._folder(name))
        self._watched = self._watched or folder
        return folder

    @contextmanager
    def removing(self, name: str) -> "Iterator[MaildirRemoval]":
        """Deleting is removing files."""
        yield MaildirRemoval(name, self._folder(name))

    def _folder(self, name: str) -> Path:
        return self._path if name == INBOX else self._path / f".{name}"

    def poll_seconds(self) -> float:
        """As configured."""
        return self._options.poll_seconds

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Look once a second whether the watched folder has changed."""
        stop.wait(min(seconds, 1.0))
        return self._watched is not None and self._watched.changed()

    def close(self) -> None:
        """Nothing is kept open."""


class MaildirFolder(FilesFolder):
    """Keys are the parts of the file names before the flags: they stay when a mail is moved.

    Names begin with the time of delivery: the highest are the newest.
    """

    def __init__(self, name: str, path: Path) -> None:
        _require(path)
        self._path = path
        # Before the listing: what comes meanwhile is news.
        self._seen = _last_change(path)
        super().__init__(name, partial(_files, path), self._seen)

    def changed(self) -> bool:
        """Whether a file came or went since the folder was opened."""
        try:
            return _last_change(self._path) != self._seen
        except OSError:
            # The next look says what is wrong.
            return True


class MaildirRemoval(MaildirFolder):
    """Nothing happens to a file before `commit`."""

    _marked: tuple[Key, ...] = ()

    def heads(self, keys: Sequence[Key]) -> dict[Key, Head]:
        """All of a file is at hand, and proves more."""
        return {key: Head(None, None) for key in self.sizes(keys)}

    def whole(self, key: Key) -> str:
        """Hash the file."""
        try:
            with self._find(key).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return ""

    def delete(self, keys: Sequence[Key]) -> None:
        """Take note of them."""
        self._marked = (*self._marked, *keys)

    def commit(self) -> set[Key]:
        """Remove the files, for good."""
        keys, self._marked = self._marked, ()
        try:
            for key in keys:
                # What another program moved is found; what it removed is gone all the same.
                with suppress(FileNotFoundError):
                    self._find(key).unlink()
            for name in ("new", "cur"):
                fsync_folder(self._path / name)
        except OSError as e:
            raise SourceError(f"{self.name}: deleting: {e}") from e
        return set(keys)


def _require(path: Path) -> None:
    if not (path / "cur").is_dir() or not (path / "new").is_dir():
        raise SourceError(f"{path} is no Maildir: it has no folders new and cur")


def _last_change(path: Path) -> int:
    return max((path / name).stat().st_mtime_ns for name in ("new", "cur"))


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    for name in ("new", "cur"):
        for entry in os.scandir(path / name):
            if not entry.name.startswith(".") and entry.is_file():
                yield textkeys.fit(entry.name.partition(":2,")[0]), Path(entry.path)
