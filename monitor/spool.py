"""Where downloads lie until the storage has them: a folder for each process, gone with it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from postroom.errors import SettingsError


@contextmanager
def opened(spool: Path) -> Iterator[Path]:
    """A folder of this process's own; what others left behind when they died is removed."""
    try:
        spool.mkdir(parents=True, exist_ok=True)
        folder, lock = _made(spool)
    except OSError as e:
        raise SettingsError(f"{spool} cannot be written: {e.strerror}") from e
    try:
        _sweep(spool)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _made(spool: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix="monitor-", dir=spool))
        # One that begins at the same time may have taken it for left behind.
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _sweep(spool: Path) -> None:
    for folder in spool.glob("monitor-*"):
        with suppress(FileNotFoundError, NotADirectoryError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                # The kernel lets go of the lock when its holder dies, however that happens.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            except BlockingIOError:
                pass
            finally:
                os.close(lock)
