"""When what failed is due again."""

from datetime import UTC, datetime, timedelta

FIRST = timedelta(minutes=1)
LAST = timedelta(days=1)


def next_try(attempts: int, at: datetime | None = None) -> str:
    """The time of the next try after so many, as the tables keep times: doubling, at most a day."""
    pause = min(FIRST * 2 ** min(attempts - 1, 20), LAST)
    return stamp((at or datetime.now(UTC)) + pause)


def stamp(at: datetime) -> str:
    """A time as the tables keep it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def after(seconds: float) -> str:
    """The time so many seconds from now."""
    return stamp(datetime.now(UTC) + timedelta(seconds=seconds))


def seconds_until(time: str) -> float:
    """Seconds from now to a time of the tables; 0 when it has passed."""
    return max(0.0, (datetime.fromisoformat(time) - datetime.now(UTC)).total_seconds())
