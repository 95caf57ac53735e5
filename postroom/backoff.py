"""How long to leave alone what fails."""

import random

from postroom.errors import PostroomError, SourceError, TemporaryError

#: Seconds: the first pause and the longest.
TEMPORARY = (1.0, 60.0)
#: Somebody has to mend it, and servers lock accounts after too many tries.
REFUSED = (15.0, 600.0)
_NO_GROWTH = 10


class Backoff:
    """Pauses that double, with jitter, and are never shorter than what the server asked for."""

    def __init__(
        self,
        temporary: tuple[float, float] = TEMPORARY,
        refused: tuple[float, float] = REFUSED,
    ) -> None:
        self._temporary, self._refused = temporary, refused
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
        return max(asked, grown * random.uniform(0.5, 1.0))  # noqa: S311


def reason(error: Exception) -> str:
    """What to tell of an error that nobody foresaw, or of one of ours."""
    if isinstance(error, PostroomError):
        return str(error)
    return f"{type(error).__name__}: {error}"
