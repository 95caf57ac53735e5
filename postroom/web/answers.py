"""What a server's answer, or the lack of one, says: in seconds and in words."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

#: Whoever wants to be left alone for longer is asked again after a day.
LONGEST_REST = 86_400.0


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After field means: a number, or a date (RFC 9110, 10.2.3)."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_REST)
    try:
        until = parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return min(max(until - time.time(), 0.0), LONGEST_REST)


def cause_of(error: BaseException) -> str:
    """What began it, in a few words."""
    *_, last = causes(error)
    told = last.strerror if isinstance(last, OSError) else None
    return told or str(last) or type(last).__name__


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it came from, and so on."""
    found: BaseException | None = error
    for _ in range(10):
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__
