"""Cron expressions as crontab(5) has them, checked before anybody hangs a clock on them."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d+))?", re.ASCII)


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    #: For the numbers from `low` on.
    words: Sequence[str] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)


def check(line: str) -> None:
    """Raise ValueError, with the field, if the line is not five fields of crontab(5)."""
    texts = line.split()
    if len(texts) != len(_FIELDS):
        raise ValueError(
            f"cron: {line!r} has {len(texts)} fields, expected five: "
            "minute, hour, day of the month, month, day of the week"
        )
    for text, field in zip(texts, _FIELDS, strict=True):
        _numbers(text, field)


def with_named_days(line: str) -> str:
    """The same, with the days of the week by name: what 0 means, not all agree on."""
    *fields, days = line.split()
    if days != "*":
        numbers = sorted({number % 7 for number in _numbers(days, _FIELDS[-1])})
        days = ",".join(_DAYS[number] for number in numbers)
    return " ".join((*fields, days))


def _numbers(text: str, field: _Field) -> list[int]:
    """All that a field means; ValueError if it means nothing."""
    return [number for part in text.lower().split(",") for number in _part(part, text, field)]


def _part(part: str, text: str, field: _Field) -> range:
    found = _PART.fullmatch(part)
    first, last, step = (found[2], found[3], found[4]) if found else ("", None, None)
    if found and found[1] == "*":
        low, high = field.low, field.high
    else:
        low = _number(first, field)
        # 5/10 goes on to the end.
        high = _number(last, field) if last else (field.high if step else low)
    if not field.low <= low <= high <= field.high or step == "0":
        raise ValueError(
            f"cron: {text!r} is no {field.name}: expected *, numbers from {field.low} to "
            f"{field.high}, ranges (1-5) or steps (*/15), with commas between them"
        )
    return range(low, high + 1, int(step or 1))


def _number(text: str, field: _Field) -> int:
    if text in field.words:
        return field.words.index(text) + field.low
    return int(text) if text.isdecimal() else -1
