"""Files on their way into a folder: beside their place under a temporary name, fsynced."""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from .durable import create_temporary, make_folder, translated, write_all
from .keys import check_key


class Staged(NamedTuple):
    """A whole and fsynced file that waits for its name."""

    key: str
    path: Path


def stage(folder: Path, key: str, body: bytes | memoryview) -> Staged:
    """Write a file beside its place."""
    path, fd = _create(folder)
    try:
        try:
            write_all(fd, body)
            os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Staged(key, path)


def _create(folder: Path, attempts: int = 5) -> tuple[Path, int]:
    try:
        make_folder(folder)
        return create_temporary(folder)
    except FileNotFoundError:
        # Another process deleted an object and with it the folder, empty at that moment.
        if attempts == 1:
            raise
        return _create(folder, attempts - 1)


class DirectoryWriter:
    """Takes an object in pieces; see Writer."""

    def __init__(self, folder: Path, key: str | None, settle: Callable[[Staged], int]) -> None:
        self._key = key
        self._settle = settle
        with translated(folder):
            self._path, self._fd = _create(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        os.close(self._fd)
        self._path.unlink(missing_ok=True)

    def write(self, chunk: bytes | memoryview) -> None:
        """Append a chunk of any length."""
        with translated(self._path):
            write_all(self._fd, chunk)

    def commit(self, key: str | None = None) -> int:
        """Make the object durable; after a TemporaryError it may be tried again."""
        key = key or self._key
        if key is None:
            raise ValueError("an object needs a key, at open_write or at commit")
        check_key(key)
        with translated(self._path):
            os.fsync(self._fd)
            return self._settle(Staged(key, self._path))
