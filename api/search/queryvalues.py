"""Dates and sizes as people write them in a query."""

import re
from datetime import UTC, datetime

from ..schedule import stamp

#: What a mail may have.
HAS = ("attachment", "defect")
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_SIZE = re.compile(r"([0-9]{1,12})([kmg]?)(?:i?b)?", re.I)
_YEAR = re.compile("[0-9]{4}")
_MONTH = re.compile("[0-9]{4}-[0-9]{2}")


def earliest(text: str) -> str | None:
    """The first moment of a year, month, day or of the time itself; UTC without a zone."""
    if _YEAR.fullmatch(text):
        text += "-01-01"
    elif _MONTH.fullmatch(text):
        text += "-01"
    try:
        at = datetime.fromisoformat(text)
        return stamp(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def size(text: str) -> int | None:
    """Bytes: 500k is 500 times 1,024."""
    found = _SIZE.fullmatch(text)
    return int(found[1]) * _UNITS[found[2].lower()] if found else None
