"""A stream over anything that can be read at a position."""

import io
from collections.abc import Callable

from postroom.memory import joined

#: Bytes that a reader asks for at a time at least.
_BUFFER = 128 * 1024
_ALL_AT_ONCE = 1024 * 1024


class _Positional(io.RawIOBase):
    def __init__(
        self, read_at: Callable[[int, int], bytes], start: int, stop: int, close: Callable[[], None]
    ) -> None:
        self._read_at = read_at
        self._position = start
        self._stop = stop
        self._close = close

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._stop - self._position)
        if wanted <= 0:
            return 0
        read = self._read_at(self._position, wanted)
        buffer[: len(read)] = read
        self._position += len(read)
        return len(read)

    def readall(self) -> bytes:
        # The inherited one asks for 8 KB at a time.
        return joined(iter(lambda: self.read(_ALL_AT_ONCE) or b"", b""))

    def close(self) -> None:
        if not self.closed:
            self._close()
        super().close()


def ranged(
    read_at: Callable[[int, int], bytes],
    size: int,
    start: int,
    length: int | None,
    close: Callable[[], None] = lambda: None,
) -> io.BufferedReader:
    """Stream bytes `start` to `start + length` of something `size` bytes long.

    `read_at(position, wanted)` may return fewer bytes than wanted, but at least one.
    """
    try:
        check_range(start, length)
    except ValueError:
        close()
        raise
    stop = size if length is None else min(size, start + length)
    raw = _Positional(read_at, start, stop, close)
    return io.BufferedReader(raw, _BUFFER)


def check_range(start: int, length: int | None) -> None:
    """Raise ValueError for what cannot be a range."""
    if start < 0 or (length is not None and length < 0):
        raise ValueError("a range has no negative start or length")
