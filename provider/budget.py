"""How much may be under way at once, over all mailboxes of this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from postroom.errors import TemporaryError

#: Seconds between two looks at the stop event.
TICK = 0.25


class Budget:
    """Bytes of bodies in memory and requests without an answer; whoever wants more waits."""

    def __init__(self, most_bytes: int, most_requests: int, stop: threading.Event) -> None:
        self._most_bytes = most_bytes
        self._most_requests = most_requests
        self._stop = stop
        self._bytes = 0
        #: Of these, what is kept for the parts of large mails: never more than half of all.
        self._large = 0
        self._requests = 0
        self._changed = threading.Condition()

    @contextmanager
    def room(self, size: int, *, large: bool = False) -> Iterator[None]:
        """Wait for room for `size` bytes and keep it inside the block.

        `large`: for a part of a large mail; slow ones must leave room for all other mailboxes.
        Raises TemporaryError when told to stop.
        """
        # A single mail larger than all must pass too, alone.
        size = min(size, self._most_large if large else self._most_bytes)
        of_large = size if large else 0
        with self._changed:
            while not self._fits(size, of_large):
                if self._stop.is_set():
                    raise TemporaryError("told to stop")
                self._changed.wait(TICK)
            self._bytes += size
            self._large += of_large
        try:
            yield
        finally:
            self._give_back(size, of_large)

    def sent(self, size: int) -> None:
        """Count a request of that size; never waits, since its bytes are in memory already."""
        with self._changed:
            self._bytes += size
            self._requests += 1

    def answered(self, size: int) -> None:
        """The request of that size is out of the way."""
        with self._changed:
            self._requests -= 1
        self._give_back(size)

    @property
    def _most_large(self) -> int:
        return self._most_bytes // 2

    def _fits(self, size: int, of_large: int) -> bool:
        return (
            self._bytes + size <= self._most_bytes
            and (not of_large or self._large + of_large <= self._most_large)
            and self._requests < self._most_requests
        )

    def _give_back(self, size: int, of_large: int = 0) -> None:
        with self._changed:
            self._bytes -= size
            self._large -= of_large
            self._changed.notify_all()
