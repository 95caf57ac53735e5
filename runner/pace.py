"""How often to ask where there was nothing to do."""

import time

#: Seconds without anything after which it is asked less often, and how long then.
_IDLE, _LONGEST = 30.0, 1.0


class Pace:
    """Short while there is work, longer after a while without."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def had(self, any_: bool) -> None:
        """Whether there was something to do."""
        if any_:
            self._last = time.monotonic()

    @property
    def seconds(self) -> float:
        """Until one should ask again."""
        is_idle = time.monotonic() - self._last > _IDLE
        return max(self._seconds, _LONGEST) if is_idle else self._seconds
