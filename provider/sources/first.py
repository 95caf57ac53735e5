"""`first`: how far back the very first pass over a mailbox goes."""

from datetime import date


def check(first: str) -> None:
    """Raise ValueError for what is not all, newest N or since YYYY-MM-DD."""
    if first != "all" and newest(first) is None and since(first) is None:
        raise _error(first)


def newest(first: str) -> int | None:
    """The N of `newest N`."""
    word, _, number = first.partition(" ")
    if word != "newest":
        return None
    if not number.strip().isdecimal() or not int(number):
        raise _error(first)
    return int(number)


def since(first: str) -> date | None:
    """The DATE of `since DATE`."""
    word, _, day = first.partition(" ")
    if word != "since":
        return None
    try:
        return date.fromisoformat(day.strip())
    except ValueError:
        raise _error(first) from None


def _error(found: str) -> ValueError:
    return ValueError(f"first: found {found!r}, expected all, newest N or since YYYY-MM-DD")
