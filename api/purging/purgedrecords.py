"""Rows that only tell of the past: events, logs of runs, receipts, tasks that are done, alarms."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import peewee

from .. import eventlog
from ..database import Database
from ..models import Alarm, AlarmMail, Event, Receipt, Replay, Run, RunLog, Task, Webhook
from ..schedule import stamp
from .rules import Rules

#: Rows of one transaction.
CHUNK = 1_000


class Records(NamedTuple):
    """One kind of them."""

    name: str
    table: type[peewee.Model]
    days: Callable[[Rules], float]
    #: Those from before a time that nothing needs any more.
    old: Callable[[str], peewee.ModelSelect]
    #: Bytes of one row, as far as they are counted.
    size: peewee.Node

    def measure(self, rules: Rules, at: datetime) -> tuple[int, int]:
        """How many are over, and their bytes."""
        days = self.days(rules)
        if not days:
            return 0, 0
        found = self.old(_oldest(days, at)) if self.table is not Event else eventlog.spare(days, at)
        columns = (peewee.fn.COUNT(self.table.id), peewee.fn.SUM(self.size))
        ((count, size),) = found.select(*columns).tuples()
        return int(count), int(size or 0)

    def purge(self, db: Database, rules: Rules, at: datetime) -> int:
        """Delete some of them in one transaction; how many, 0 when none is left."""
        days = self.days(rules)
        if not days:
            return 0
        if self.table is Event:
            return eventlog.clear_up(db, days, at)
        found = self.old(_oldest(days, at)).select(self.table.id).limit(CHUNK).tuples()
        with db.writing():
            ids = [id_ for (id_,) in found]
            return int(self.table.delete().where(self.table.id << ids).execute()) if ids else 0


def _oldest(days: float, at: datetime) -> str:
    return stamp(at - timedelta(days=days))


def _logs(oldest: str) -> peewee.ModelSelect:
    return RunLog.select().join(Run).where(Run.status != "pending", Run.ended < oldest)


def _receipts(oldest: str) -> peewee.ModelSelect:
    last = Receipt.select(peewee.fn.MAX(Receipt.id)).where(Receipt.complete)
    # A folder's last one is what its next listing is compared with.
    kept = Receipt.id.not_in(last.group_by(Receipt.folder))
    return Receipt.select().where(Receipt.created < oldest, kept)


def _tasks(oldest: str) -> peewee.ModelSelect:
    is_over = (Task.state == "done") & (Task.changed < oldest)
    found = Task.select().where(is_over)
    for table in (Run, Replay, Webhook, AlarmMail):
        rows = table.select(peewee.SQL("1")).where(table.task == Task.id)
        found = found.where(~peewee.fn.EXISTS(rows))
    return found


def _alarms(oldest: str) -> peewee.ModelSelect:
    return Alarm.select().where(Alarm.ended != "", Alarm.ended < oldest)


def _alarm_mails(oldest: str) -> peewee.ModelSelect:
    return AlarmMail.select().where(AlarmMail.state == "sent", AlarmMail.sent_at < oldest)


def _length(field: peewee.Field) -> peewee.Node:
    # As text, not as the structure that it is read as.
    return peewee.fn.LENGTH(peewee.Cast(field, "TEXT"))


#: A further kind is a line here.
KINDS = (
    Records("events", Event, lambda of: of.events, lambda _: Event.select(), _length(Event.about)),
    Records("logs of runs", RunLog, lambda of: of.logs, _logs, RunLog.size),
    Records("receipts", Receipt, lambda of: of.records, _receipts, _length(Receipt.missing_keys)),
    Records("tasks", Task, lambda of: of.records, _tasks, _length(Task.target)),
    Records("alarms", Alarm, lambda of: of.records, _alarms, _length(Alarm.about)),
    Records("alarm mails", AlarmMail, lambda of: of.records, _alarm_mails,
            _length(AlarmMail.content)),
)  # fmt: skip
