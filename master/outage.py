"""Is the API away, since when, and when is it to be asked again?"""

from collections.abc import Iterator
from contextlib import contextmanager

from postroom.errors import RefusedError, TemporaryError

#: Refusals of the master itself: its token or its address is wrong, whatever is asked.
OURS = frozenset({"unauthorized", "forbidden", "bad_host", "bad_origin", "method_not_allowed"})
OURS_SECONDS = 30.0
#: The first probe comes soon: most outages are one locked database or a restart.
FIRST_PROBE_SECONDS = 0.5
PROBE_SECONDS = 2.0
LONGEST_SECONDS = 60.0


class ApiAwayError(TemporaryError):
    """It is the API that does not answer, or not now."""


@contextmanager
def asking_api() -> Iterator[None]:
    """Around a call of the API: tells its trouble, and ours with it, from all other."""
    try:
        yield
    except TemporaryError as e:
        raise ApiAwayError(str(e), e.after) from e
    except RefusedError as e:
        if e.code not in OURS:
            raise
        raise ApiAwayError(f"the API refuses the master: {e}", OURS_SECONDS) from e


def growing(seconds: float, jitter: float) -> float:
    """So many seconds, at least one and at most 60, spread by a quarter either way."""
    return round(min(LONGEST_SECONDS, max(1.0, seconds) * (0.75 + jitter / 2)), 3)


class Outage:
    """True while the API is away."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._probe_at = 0.0

    def __bool__(self) -> bool:
        return self._since is not None

    def begin(self, now: float) -> bool:
        """The API did not answer; True if this is news."""
        if self._since is not None:
            return False
        self._since = now
        self._probe_at = now + FIRST_PROBE_SECONDS
        return True

    def end(self) -> bool:
        """The API answered; True if this is news."""
        was, self._since = self._since, None
        return was is not None

    def after(self, now: float, jitter: float) -> float:
        """Seconds after which to come again: as long as it has lasted so far."""
        lasted = now - self._since if self._since is not None else 0.0
        return growing(lasted, jitter)

    def take_probe(self, now: float) -> bool:
        """True if the API is to be asked now; the next time is then later."""
        if self._since is None or now < self._probe_at:
            return False
        self._probe_at = now + PROBE_SECONDS
        return True
