"""How long to leave alone what fails."""

import random

from postroom.errors import PostroomError, SourceError, TemporaryError

#: Seconds: the first pause and the longest. A server that is back is to be read within a minute.
TEMPORARY = (1.0, 30.0)
#: Somebody has to mend it, and servers lock accounts after too many tries.
REFUSED = (15.0, 600.0)
_NO_GROWTH = 10


class Backoff:
    """Pauses that double, with jitter, and are never shorter than what the server asked for."""

    def __init__(
        self,
        temporary: tuple[float, float] = TEMPORARY,
        refused: tuple[float, float] = REFUSED,
        spread_seconds: float = 0.0,
    ) -> None:
        """`spread_seconds`: over which many that fail at once come back at the least."""
        self._temporary, self._refused = temporary, refused
        self._spread_seconds = spread_seconds
        self._failures = 0

    def reset(self) -> None:
        """It works again."""
        self._failures = 0

    def pause(self, error: Exception) -> float:
        """Seconds to wait after one more failure."""
        first, longest = self._refused if isinstance(error, SourceError) else self._temporary
        grown = min(longest, first * 2.0 ** min(self._failures, _NO_GROWTH))
        self._failures += 1
        asked = error.after if isinstance(error, TemporaryError) else 0.0
        # No secret: the jitter only keeps many from knocking together.
        return max(asked, random.uniform(grown / 2, max(grown, self._spread_seconds)))  # noqa: S311


def reason(error: Exception) -> str:
    """What to tell of an error that nobody foresaw, or of one of ours."""
    if isinstance(error, PostroomError):
        return str(error)
    return f"{type(error).__name__}: {error}"
