"""When an idle worker looks whether the API has a task for the master."""

#: A task waits so long at the most before it is looked for, while a worker is idle.
LOOK_SECONDS = 2.0


class Errands:
    """One worker at a time looks, so that the others are there for mail."""

    def __init__(self) -> None:
        self._out = False
        self._look_at: float | None = None

    def take(self, now: float) -> bool:
        """True if somebody shall look now; he is out until `back`."""
        if self._look_at is None:
            self._look_at = now + LOOK_SECONDS
        if self._out or now < self._look_at:
            return False
        self._out = True
        return True

    def back(self, now: float, *, more: bool = False) -> None:
        """Whoever looked is through with it, or lost; with `more`, the next may look at once."""
        self._out = False
        self._look_at = now if more else now + LOOK_SECONDS
