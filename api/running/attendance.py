"""Whether any runner comes for the runs that wait."""

from datetime import UTC, datetime, timedelta

import peewee

from ..database import Database
from ..log import events
from ..models import Fact, Task, database, now
from ..schedule import stamp
from .runs import TASK

#: How long runs may wait with nobody asking for any.
PATIENCE = timedelta(minutes=5)
#: A runner's coming is written down when the last one is older.
SEEN_EVERY = timedelta(seconds=30)
SEEN, ABSENT = "runner_seen", "runner_absent"
_BOTH = "SELECT name, value FROM facts WHERE name IN ({0}, {0})"
_OPEN = peewee.SQL("state <> 'done'")


def heard(db: Database) -> None:
    """A runner asks for runs."""
    at = datetime.now(UTC)
    # Asked with each claim, and so by no more than one plain query.
    known = dict(database.execute_sql(_BOTH.format(database.param), (SEEN, ABSENT)).fetchall())
    if known.get(SEEN, "") > stamp(at - SEEN_EVERY) and not known.get(ABSENT):
        return
    with db.writing():
        if since := _fact(ABSENT):
            events.tell("runner.returned", absent_since=since)
            _note(ABSENT, "")
        _note(SEEN, stamp(at))


def last_heard() -> str:
    """When a runner last came, give or take SEEN_EVERY; "" for never."""
    return _fact(SEEN)


def look(db: Database, began: datetime, at: datetime | None = None) -> None:
    """Tell once that runs wait and no runner comes; while the API was down none could."""
    at = at or datetime.now(UTC)
    before = stamp(at - PATIENCE)
    heard_last = max(_fact(SEEN), stamp(began))
    if heard_last >= before or _fact(ABSENT) or not _wait(before):
        return
    with db.writing():
        if not _fact(ABSENT) and _fact(SEEN) < before:
            waiting = _waiting(before).count()
            events.tell("runner.absent", waiting=waiting, seen=_fact(SEEN) or None)
            _note(ABSENT, now())


def _wait(before: str) -> bool:
    return bool(_waiting(before).exists())


def _waiting(before: str) -> peewee.ModelSelect:
    return Task.select().where(_OPEN, Task.kind == TASK, Task.state == "due", Task.due < before)


def _fact(name: str) -> str:
    return Fact.select(Fact.value).where(Fact.name == name).scalar() or ""


def _note(name: str, value: str) -> None:
    if not Fact.update(value=value, changed=now()).where(Fact.name == name).execute():
        Fact.create(name=name, value=value)
