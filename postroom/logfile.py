"""A log file that all daemons of a house write to, and that any of them may rotate."""

import errno
import fcntl
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

#: A log names mailboxes, senders and subjects: it is its owner's alone.
MODE = 0o600


class Rotation(NamedTuple):
    """When the file begins anew, and how many older ones are kept."""

    #: 0: never, as where logrotate does it.
    most_bytes: int = 0
    kept: int = 5


NEVER = Rotation()


class SharedFile(logging.Handler):
    """Appends each line by one write, so that lines of several processes never mix.

    Before each the file is looked up by its name: whoever moved it away, another of our processes
    or logrotate, is followed. Raises OSError when it cannot be opened.
    """

    def __init__(self, path: Path, rotation: Rotation = NEVER) -> None:
        super().__init__()
        self._path = path
        self._rotation = rotation
        self._fd = _opened(path)
        is_file = stat.S_ISREG(os.fstat(self._fd).st_mode)
        if rotation.most_bytes and is_file and not os.access(path.parent, os.W_OK):
            os.close(self._fd)
            raise PermissionError(errno.EACCES, "with megabytes, its folder must be writable")

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line."""
        try:
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
            self._follow(len(line))
            os.write(self._fd, line)
        except Exception:  # noqa: BLE001 - logging's own way: told on standard error
            self.handleError(record)

    def close(self) -> None:
        """Let the file go."""
        self.acquire()
        try:
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = -1
        finally:
            self.release()
        super().close()

    def _follow(self, more: int) -> None:
        """Have the file of that name open, with room for so many bytes."""
        there = self._there()
        if there is None:
            self._reopen()
        elif self._is_full(there, more):
            self._rotate(more)

    def _there(self) -> os.stat_result | None:
        """The file of that name, if it is the one that is open."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found if os.path.samestat(found, os.fstat(self._fd)) else None

    def _is_full(self, there: os.stat_result, more: int) -> bool:
        most = self._rotation.most_bytes
        return 0 < most < there.st_size + more and there.st_size > 0

    def _rotate(self, more: int) -> None:
        # The lock is that of the file itself: who gets it on one that was moved sees that.
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        there = self._there()
        if there is not None and self._is_full(there, more):
            for number in range(self._rotation.kept - 1, 0, -1):
                with suppress(FileNotFoundError):
                    self._older(number).replace(self._older(number + 1))
            # Last: until now nobody finds the name free and makes a new file.
            self._path.replace(self._older(1))
        self._reopen()

    def _older(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _reopen(self) -> None:
        # Closing the old one ends its lock.
        before, self._fd = self._fd, _opened(self._path)
        os.close(before)


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
