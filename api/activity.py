"""How much came, by the hour: what the charts of the pages are drawn from."""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import peewee

from .database import Database
from .models import BaseModel, Event, Mail
from .schedule import stamp

HOURS = 24
#: What a mailbox, a page and a script do when they work.
SIGNS = {
    "mail.stored": "mailbox",
    "file.stored": "page",
    "file.changed": "page",
    "run.finished": "script",
}
#: Seconds that a reading is good for: pages may be loaded again with each event.
FRESH = 15.0
#: Of a time up to its hour; written out, since PostgreSQL groups by what is literally the same.
_HOUR = (peewee.SQL("1"), peewee.SQL("13"))


class Activity(NamedTuple):
    """The last day, an hour each, the present one last."""

    #: When the hours begin, in UTC: 00:00 to 23:00.
    labels: Sequence[str]
    mails: Sequence[int]
    #: Bytes of those mails, each content counted once.
    volume: Sequence[int]
    files: Sequence[int]
    runs: Sequence[int]
    #: By kind of source and name, for the sparklines.
    sources: dict[tuple[str, str], Sequence[int]]

    def of(self, kind: str, name: str) -> Sequence[int]:
        """What a source brought, by the hour."""
        return self.sources.get((kind, name), [0] * HOURS)


class Readings:
    """The last reading of a database, taken again when it is no longer fresh."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: tuple[Database, float, Activity] | None = None

    def of(self, db: Database) -> Activity:
        """The activity of the last day."""
        with self._lock:
            at = time.monotonic()
            if self._read is None or self._read[0] is not db or at - self._read[1] > FRESH:
                self._read = (db, at, read())
            return self._read[2]


#: For all pages that show it.
readings = Readings()


def read(at: datetime | None = None) -> Activity:
    """Read the last day from the event log and the mails."""
    at = at or datetime.now(UTC)
    first = at.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    hours = {stamp(first + timedelta(hours=n))[:13]: n for n in range(HOURS)}
    begin = stamp(first)
    sources = _by_source(begin, hours)
    volume = [0] * HOURS
    hour = peewee.fn.SUBSTR(Mail.created, *_HOUR)
    found = Mail.select(hour, peewee.fn.SUM(Mail.size)).where(Mail.id >= first_since(Mail, begin))
    for name, size in found.group_by(hour).tuples():
        if name in hours:
            volume[hours[name]] = int(size or 0)
    return Activity(
        labels=[f"{name[11:13]}:00" for name in hours],
        mails=_sum(sources, "mailbox"),
        volume=volume,
        files=_sum(sources, "page"),
        runs=_sum(sources, "script"),
        sources=sources,
    )


def _by_source(begin: str, hours: dict[str, int]) -> dict[tuple[str, str], Sequence[int]]:
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * HOURS)
    hour = peewee.fn.SUBSTR(Event.created, *_HOUR)
    rows = (
        Event.select(Event.kind, Event.source, hour, peewee.fn.COUNT(Event.id))
        .where(Event.id >= first_since(Event, begin), Event.kind.in_(list(SIGNS)))
        .group_by(Event.kind, Event.source, hour)
    )
    for kind, source, name, count in rows.tuples():
        if name in hours:
            found[SIGNS[kind], source][hours[name]] += count
    return dict(found)


def _sum(sources: dict[tuple[str, str], Sequence[int]], of: str) -> list[int]:
    rows = [values for (kind, _), values in sources.items() if kind == of]
    return [sum(each) for each in zip(*rows, strict=True)] if rows else [0] * HOURS


def first_since(table: type[BaseModel], begin: str) -> int:
    """The first id of a row made at that time or later: ids rise with time, and are an index."""
    low, high = 1, (table.select(peewee.fn.MAX(table.id)).scalar() or 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = table.select(table.id, table.created).where(table.id >= middle).order_by(table.id)
        found = row.limit(1).tuples().first()
        if found is None or found[1] >= begin:
            high = middle
        else:
            low = found[0] + 1
    return low
