"""A pidfile that a live process holds by a lock, so that a dead one's number never counts."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from postroom.errors import PostroomError, SettingsError


class RunningError(PostroomError):
    """Another live process holds the pidfile."""


@contextmanager
def held(path: Path | None) -> Iterator[None]:
    """Write our process id into `path` for as long as the block runs; nothing for None."""
    if path is None:
        yield
        return
    descriptor = _open(path)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        # Removed while locked: whoever opened it meanwhile sees that it is gone and starts anew.
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(descriptor)


def _open(path: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as e:
            raise SettingsError(f"--pidfile {path}: cannot be written: {e.strerror}") from e
        if _locked(descriptor, path):
            return descriptor
        os.close(descriptor)


def _locked(descriptor: int, path: Path) -> bool:
    """True once the lock is ours and the file still stands under its name."""
    try:
        # lockf's locks are not inherited by a fork: a worker never outlives its parent's pidfile.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise RunningError(f"--pidfile {path}: process {holder} holds it and is running") from None
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
