"""Whether a text says when a clock strikes: five fields, as cron has them.

When that is, the runner's scheduler works out.
"""

import re
from collections.abc import Sequence

from postroom.errors import RefusedError

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
#: Name, least, most, and names of the values from the least on.
_FIELDS: tuple[tuple[str, int, int, Sequence[str]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_PART = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/([0-9]{1,4}))?", re.A)


def check(text: str) -> None:
    """Raise RefusedError, saying which field is wrong."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise _bad(f"cron has five fields (minute hour day month weekday), not {text!r}")
    for field, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            if not _is_part(part, least, most, names):
                raise _bad(f"cron: {part!r} is no {name}: take *, {least} to {most}, 1-5 or */2")


def _is_part(part: str, least: int, most: int, names: Sequence[str]) -> bool:
    match = _PART.fullmatch(part)
    if match is None or (match[4] is not None and int(match[4]) == 0):
        return False
    if match[1]:
        return True
    values = [_value(each, least, names) for each in (match[2], match[3]) if each is not None]
    return all(least <= each <= most for each in values) and values == sorted(values)


def _value(text: str, least: int, names: Sequence[str]) -> int:
    if text.lower() in names:
        return least + list(names).index(text.lower())
    return int(text) if text.isdigit() and len(text) < 4 else -1


def _bad(text: str) -> RefusedError:
    return RefusedError("bad_schedule", text)
