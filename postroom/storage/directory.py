"""Objects as plain files in a folder that people can look into."""

import json
import os
import secrets
import stat
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Self

from postroom.errors import ObjectMissingError

from . import ABANDONED_SECONDS, TOUCH_SECONDS, Entry, Place, StorageBrokenError
from .directory_writer import DirectoryWriter, Staged, stage
from .durable import fsync_folder, make_folder, replace_file, translated
from .folder import listed, path_below, temporaries
from .keys import RESERVED, check_key, matches
from .lock import FileLock
from .streams import ranged


class DirectoryStorage:
    """The default for files and outputs; see Storage. One host, local disks only.

    A file's own time is `touched`. The batch is counted when files and folders are durable.
    """

    def __init__(self, path: Path) -> None:
        self._root = path.absolute()
        self._state = self._root / f"{RESERVED}store"
        self._lock = FileLock(self._root / f"{RESERVED}lock")
        with translated(self._root):
            make_folder(self._root)
            with self._lock:
                if not self._state.exists():
                    self._save(secrets.token_hex(16), 0)
                self.id, _ = self._load()
            self._drop_abandoned()

    @classmethod
    def open(cls, place: Place) -> Self:
        """Open the folder; see Storage."""
        with place.blaming():
            return cls(place.path)

    def batch(self) -> int:
        """The number of the last commit."""
        with translated(self._root):
            return self._current_batch()

    def put_many(self, objects: Iterable[tuple[str, bytes | memoryview]]) -> int:
        """Keep all objects; see Storage."""
        staged: list[Staged] = []
        held: list[str] = []
        with translated(self._root):
            try:
                for key, body in objects:
                    check_key(key)
                    if self._touch(key):
                        held.append(key)
                    else:
                        staged.append(stage(self._path(key).parent, key, body))
                return self._settle(staged, held)
            finally:
                for left in staged:
                    left.path.unlink(missing_ok=True)

    def open_write(
        self, key: str | None = None, *, type: str = "", name: str = ""
    ) -> DirectoryWriter:
        """Take a large object in pieces; see Storage."""
        if key is not None:
            check_key(key)
        # Without a key its folder is not known yet; a rename inside the store is as good.
        folder = self._root if key is None else self._path(key).parent
        return DirectoryWriter(folder, key, lambda staged: self._settle([staged], []))

    def get(self, key: str) -> bytes:
        """The whole object; see Storage."""
        with self.open_read(key) as stream:
            return stream.read()

    def open_read(self, key: str, start: int = 0, length: int | None = None) -> BufferedReader:
        """The object or a range of it as a stream; see Storage."""
        size = self.size(key)
        path = self._path(key)
        with translated(path):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise _missing(key) from None

        def read_at(position: int, wanted: int) -> bytes:
            with translated(path):
                return os.pread(fd, wanted, position)

        return ranged(read_at, size, start, length, lambda: os.close(fd))

    def size(self, key: str) -> int:
        """The object's length in bytes; see Storage."""
        found = self._stat(key)
        if found is None:
            raise _missing(key)
        return found.st_size

    def exists(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that are held."""
        return {key for key in keys if self._stat(key)}

    def verify(self, key: str) -> bool:
        """Read it all and compare; see Storage."""
        try:
            with self.open_read(key) as stream:
                return matches(key, stream)
        except ObjectMissingError:
            return False

    def list(self, after: str = "") -> Iterator[Entry]:
        """All objects with keys above `after`, sorted by key."""
        with translated(self._root):
            yield from listed(self._root, after)

    def delete(self, keys: Collection[str], *, untouched_since: float | None = None) -> int:
        """Forget the objects; see Storage."""
        with translated(self._root), self._lock:
            doomed = [key for key in keys if self._is_doomed(key, untouched_since)]
            for folder in {self._unlink(key) for key in doomed}:
                # One that a later key left empty is gone, and the folder above it stands here too.
                if folder.is_dir():
                    fsync_folder(folder)
            if doomed:
                self._next_batch()
            return len(doomed)

    def url(self, key: str) -> str:
        """The file's own address."""
        check_key(key)
        return self._path(key).as_uri()

    def close(self) -> None:
        """Nothing stays open between calls."""

    def _path(self, key: str) -> Path:
        return path_below(self._root, key)

    def _stat(self, key: str) -> os.stat_result | None:
        check_key(key)
        with translated(self._root):
            try:
                found = self._path(key).lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return found if stat.S_ISREG(found.st_mode) else None

    def _touch(self, key: str) -> bool:
        # Under the lock: a collection that goes on meanwhile must see it before it deletes.
        with self._lock:
            found = self._stat(key)
            if found and found.st_mtime < time.time() - TOUCH_SECONDS:
                os.utime(self._path(key))
            return found is not None

    def _settle(self, staged: Collection[Staged], held: Collection[str]) -> int:
        """Give staged files their names and return the batch to rely on."""
        paths = [self._path(key) for key in held]
        with self._lock:
            for key, temporary in staged:
                path = self._path(key)
                make_folder(path.parent)
                if self._stat(key) is None:
                    temporary.replace(path)
                paths.append(path)
            # Those of held objects too: who put them may have died before this line.
            for folder in {path.parent for path in paths}:
                fsync_folder(folder)
            return self._next_batch() if staged else self._current_batch()

    def _is_doomed(self, key: str, untouched_since: float | None) -> bool:
        found = self._stat(key)
        return found is not None and (untouched_since is None or found.st_mtime < untouched_since)

    def _unlink(self, key: str) -> Path:
        """Remove a file and the folders it leaves empty; return the folder that stays."""
        path = self._path(key)
        path.unlink()
        for folder in path.parents:
            try:
                folder.rmdir()
            except OSError:
                break
        return folder

    def _load(self) -> tuple[str, int]:
        try:
            state = json.loads(self._state.read_bytes())
            return str(state["id"]), int(state["batch"])
        except (ValueError, KeyError, TypeError) as e:
            raise StorageBrokenError(f"{self._state} is damaged: {e!r}") from e

    def _save(self, identity: str, batch: int) -> None:
        replace_file(self._state, json.dumps({"id": identity, "batch": batch}).encode())

    def _current_batch(self) -> int:
        identity, batch = self._load()
        if identity != self.id:
            raise StorageBrokenError(f"{self._root} was replaced while it was in use")
        return batch

    def _next_batch(self) -> int:
        batch = self._current_batch() + 1
        self._save(self.id, batch)
        return batch

    def _drop_abandoned(self) -> None:
        before = time.time() - ABANDONED_SECONDS
        for path in temporaries(self._root):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()


def _missing(key: str) -> ObjectMissingError:
    return ObjectMissingError(f"no object {key!r} is stored")
