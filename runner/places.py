"""The folders that runs have while they last; what a killed runner left is removed."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .folders import remove

_LOCK = ".lock"


class Places:
    """A folder of this process in the folder of all runners."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        self._sweep(folder)
        self._own = Path(tempfile.mkdtemp(prefix="runner-", dir=folder.absolute()))
        self._own.chmod(0o711)
        self._lock = (self._own / _LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @contextmanager
    def made(self) -> Iterator[Path]:
        """A folder with an empty `run` for the script, and room for what it is given."""
        folder = Path(tempfile.mkdtemp(dir=self._own))
        folder.chmod(0o711)
        (folder / "run").mkdir()
        (folder / "run").chmod(0o711)
        (folder / "given").mkdir(mode=0o700)
        try:
            yield folder
        finally:
            remove(folder)

    def close(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):
            remove(self._own)
        self._lock.close()

    @staticmethod
    def _sweep(folder: Path) -> None:
        for left in folder.glob("runner-*"):
            with suppress(OSError):
                file = os.open(left / _LOCK, os.O_RDWR)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove(left)
                finally:
                    os.close(file)
