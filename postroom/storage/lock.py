"""One writer at a time, over threads and processes of one host.

A waiter first takes a turnstile, then the lock itself, and whoever comes back for more has to queue
at the turnstile again: so no one is kept out by another that takes the lock again and again. The
kernel drops both when a process dies. Local disks only.
"""

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from postroom.errors import TemporaryError

_SHORTEST_PAUSE = 0.000_2
_LONGEST_PAUSE = 0.004


class FileLock:
    """An exclusive lock on a file, `with lock: ...`; not reentrant, may be shared by threads.

    Raises TemporaryError when others held it for `timeout` seconds.
    """

    def __init__(self, path: Path, timeout: float = 30.0) -> None:
        self._path = path
        self._queue = path.with_name(path.name + "-queue")
        self._timeout = timeout
        self._turn = threading.Lock()
        self._held = threading.Lock()
        self._owner: int | None = None
        self._fd = -1

    def __enter__(self) -> Self:
        if self._owner == threading.get_ident():
            raise RuntimeError(f"this thread already holds {self._path}")
        deadline = time.monotonic() + self._timeout
        # Threads of this process queue here, where waiting needs no polling.
        self._wait_for(self._turn, deadline)
        try:
            self._wait_for(self._held, deadline)
            self._take_file(deadline)
        finally:
            self._turn.release()
        self._owner = threading.get_ident()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._owner = None
        _release(self._fd)
        self._held.release()

    def _take_file(self, deadline: float) -> None:
        try:
            turn = self._acquire(self._queue, deadline)
            try:
                self._fd = self._acquire(self._path, deadline)
            finally:
                _release(turn)
        except BaseException:
            self._held.release()
            raise

    def _acquire(self, path: Path, deadline: float) -> int:
        pause = _SHORTEST_PAUSE
        while (fd := _try(path)) is None:
            if time.monotonic() >= deadline:
                raise self._too_late()
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        return fd

    def _wait_for(self, lock: threading.Lock, deadline: float) -> None:
        if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise self._too_late()

    def _too_late(self) -> TemporaryError:
        return TemporaryError(f"{self._path} was held by others for {self._timeout:g} s")


def _try(path: Path) -> int | None:
    # Each attempt has a file description of its own, so flock keeps threads apart too.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_still(path, fd):
            return fd
    except BlockingIOError:
        pass
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def _is_still(path: Path, fd: int) -> bool:
    # A lock file that was removed meanwhile keeps no one out.
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def _release(fd: int) -> None:
    # Unlocked and not only closed: a forked child may hold a copy of the descriptor.
    fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)
