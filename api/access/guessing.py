"""Guessing passwords gets slower with each miss, for a name and for an address."""

import threading
import time

#: Misses that cost nothing: people mistype.
FREE = 3
#: The longest pause; short, since anybody can make a name wait.
LONGEST_SECONDS = 60.0
#: Misses are forgotten after so long.
FORGET_SECONDS = 900.0
MOST_KEPT = 10_000


class Guesses:
    """Misses of this process, by name and by address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: How many misses, and when the last one was.
        self._misses: dict[str, tuple[int, float]] = {}

    def begin(self, *keys: str) -> float:
        """Count a try as a miss until it is told otherwise; seconds to wait if it is too early."""
        with self._lock:
            moment = time.monotonic()
            wait = max(self._wait(key, moment) for key in keys)
            if wait <= 0:
                for key in keys:
                    self._misses[key] = (self._count(key, moment) + 1, moment)
                self._forget(moment)
            return wait

    def forgive(self, *keys: str) -> None:
        """Forget the misses: it was the right password."""
        with self._lock:
            for key in keys:
                self._misses.pop(key, None)

    def _count(self, key: str, moment: float) -> int:
        count, last = self._misses.get(key, (0, moment))
        return count if moment - last < FORGET_SECONDS else 0

    def _wait(self, key: str, moment: float) -> float:
        count = self._count(key, moment)
        if count < FREE:
            return 0.0
        pause = min(LONGEST_SECONDS, 2.0 ** min(count - FREE, 10))
        return self._misses[key][1] + pause - moment

    def _forget(self, moment: float) -> None:
        if len(self._misses) <= MOST_KEPT:
            return
        kept = sorted(self._misses.items(), key=lambda each: each[1][1])[-MOST_KEPT // 2 :]
        self._misses = {key: miss for key, miss in kept if moment - miss[1] < FORGET_SECONDS}
