"""Whether a line is a cron expression, before anybody hangs a clock on it."""

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: Name, bounds, names for numbers.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?", re.ASCII)


def check(line: str) -> None:
    """Raise ValueError, with the field, if the line is not five fields of crontab(5)."""
    fields = line.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"cron: {line!r} has {len(fields)} fields, expected five: "
            "minute, hour, day of the month, month, day of the week"
        )
    for text, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        if not all(_is_part(part, low, high, names) for part in text.lower().split(",")):
            raise ValueError(
                f"cron: {text!r} is no {name}: expected *, numbers from {low} to {high}, "
                "ranges (1-5) or steps (*/15), with commas between them"
            )


def _is_part(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    found = _PART.fullmatch(part)
    if not found:
        return False
    first, last, step = found.groups()
    ends = [_number(end, low, names) for end in (first, last) if end is not None]
    return (
        all(low <= end <= high for end in ends)
        and ends == sorted(ends)
        and (step is None or int(step) > 0)
    )


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + low
    return int(text) if text.isdecimal() else -1
