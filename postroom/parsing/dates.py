"""Dates in every form that mail has had (RFC 5322, 3.3 and 4.3)."""

import re
from datetime import UTC, datetime, timedelta

#: Longer values are no dates.
MAX_LENGTH = 200

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
#: Hours east of UTC of the names that RFC 5322, 4.3 leaves to guess; one meaning each, the usual.
_ZONES = {
    "ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "met": 1,
    "mez": 1, "cest": 2, "mest": 2, "mesz": 2, "eet": 2, "sast": 2, "eest": 3, "msk": 3, "msd": 4,
    "ist": 5.5, "hkt": 8, "sgt": 8, "awst": 8, "jst": 9, "kst": 9, "acst": 9.5, "aest": 10,
    "aedt": 11, "nzst": 12, "nzdt": 13, "ast": -4, "adt": -3, "nst": -3.5, "ndt": -2.5,
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    "akst": -9, "akdt": -8, "hst": -10, "brt": -3, "art": -3,
}  # fmt: skip
_USUAL = re.compile(
    r"(?:[A-Za-z]{3}, {1,2})?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d\d):(\d\d)(?::(\d\d))?"
    r" ([+-]\d\d[0-5]\d)(?: \([^()]*\))?$"
)
_COMMENT = re.compile(r"\([^()]*\)?")
_ISO = re.compile(r"(\d{4})[-/.](\d\d?)[-/.](\d\d?)")
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*"
_DAY_FIRST = re.compile(
    rf"(\d{{1,2}})[\s.-]{{1,3}}{_MONTH}[\s.,-]{{1,3}}(\d{{2,4}})\b", re.IGNORECASE
)
_MONTH_FIRST = re.compile(
    rf"\b{_MONTH}\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?(?:\s+(\d{{4}}))?\b", re.IGNORECASE
)
_YEAR = re.compile(r"\b(\d{4})\b(?!:)\s*$")
_TIME = re.compile(
    r"(\d{1,2})(?:\s*:\s*|\.)(\d\d)(?:(?:\s*:\s*|\.)(\d\d)(?:[.,]\d+)?)?"
    r"\s*([AaPp]\.?[Mm]\b)?"
)
_OFFSET = re.compile(r"(?:GMT|UTC?)?([+-])(\d\d):?([0-5]\d)\b")
_ZONE = re.compile(r"\b([A-Za-z]{1,4})\b")


def parse(value: str, defects: set[str]) -> datetime | None:
    """Return the moment in UTC; None, and a defect, for a date that is none."""
    if not value:
        return None
    found = _usual(value) or _unusual(value[:MAX_LENGTH])
    if found is None:
        defects.add("bad_date")
    return found


def _usual(value: str) -> datetime | None:
    match = _USUAL.match(value)
    if match is None:
        return None
    day, month, year, hour, minute, second, zone = match.groups()
    number = _MONTHS.get(month.lower(), 0)
    clock = int(hour), int(minute), int(second or 0)
    return _moment((int(year), number, int(day)), clock, _seconds(zone[0], zone[1:3], zone[3:]))


def _seconds(sign: str, hours: str, minutes: str) -> int:
    return (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1)


def _moment(
    day: tuple[int, int, int], clock: tuple[int, int, int], offset: float
) -> datetime | None:
    try:
        # Seconds of 60 are leap seconds; Python's clock has none.
        local = datetime(*day, clock[0], clock[1], min(clock[2], 59), tzinfo=UTC)
        return local - timedelta(seconds=offset)
    except (ValueError, OverflowError):
        return None


def _unusual(value: str) -> datetime | None:
    """Find day, time and zone wherever they stand."""
    text = _COMMENT.sub(" ", value)
    time = _TIME.search(text)
    without_time = text[: time.start()] + " " + text[time.end() :] if time else text
    day = _day(without_time)
    if day is None:
        return None
    return _moment(day, _clock(time), _zone(text[time.end() :] if time else ""))


def _day(text: str) -> tuple[int, int, int] | None:
    if match := _ISO.search(text):
        return int(match[1]), int(match[2]), int(match[3])
    if match := _DAY_FIRST.search(text):
        day, month, year = match.groups()
    elif match := _MONTH_FIRST.search(text):
        month, day, year = match.groups()
        last = _YEAR.search(text)
        year = year or (last[1] if last else None)
    else:
        return None
    number = _MONTHS.get(month.lower())
    return (_year(year), number, int(day)) if number and year else None


def _year(text: str) -> int:
    """Return the year that two or three digits mean (RFC 5322, 4.3)."""
    year = int(text)
    if len(text) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(text) == 3 else year


def _clock(time: re.Match[str] | None) -> tuple[int, int, int]:
    if time is None:
        return 0, 0, 0
    hour, half = int(time[1]), (time[4] or "").lower()
    if half:
        hour = hour % 12 + (12 if half[0] == "p" else 0)
    return hour, int(time[2]), int(time[3] or 0)


def _zone(text: str) -> float:
    """Return seconds east of UTC; what names no zone counts as UTC (RFC 5322, 4.3)."""
    if match := _OFFSET.search(text):
        return _seconds(*match.groups())
    for match in _ZONE.finditer(text):
        if (hours := _ZONES.get(match[1].lower())) is not None:
            return hours * 3600
    return 0
