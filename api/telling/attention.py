"""What somebody has to look at: open alarms, what is set aside, slots that nobody ran."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import peewee

from ..activity import first_since
from ..models import Alarm, Quarantine, Run, Slot, Task
from ..schedule import stamp

DAY = timedelta(days=1)
#: Alarms that a page shows; more are counted.
SHOWN = 20


class Attention(NamedTuple):
    """At this moment."""

    alarms: list[Alarm]
    more_alarms: int
    quarantined: int
    #: Of the last day.
    missed: int
    failed: int

    @property
    def is_needed(self) -> bool:
        """Whether there is anything; a failed run of a script is an alarm only when it goes on."""
        return bool(self.alarms or self.quarantined or self.missed or self.failed)


def now_needed() -> Attention:
    """Read what needs attention."""
    yesterday = stamp(datetime.now(UTC) - DAY)
    alarms = Alarm.select().where(Alarm.ended == "").order_by(Alarm.acknowledged, Alarm.id.desc())
    count = alarms.count()
    failed = Run.select().where(Run.status == "error", Run.id >= first_since(Run, yesterday))
    missed = Slot.select().where(Slot.state == "missed", Slot.id >= first_since(Slot, yesterday))
    return Attention(
        alarms=list(alarms.limit(SHOWN)),
        more_alarms=max(0, count - SHOWN),
        quarantined=Quarantine.select().count(),
        missed=missed.count(),
        failed=failed.count(),
    )


def open_tasks() -> dict[str, int]:
    """How many tasks are due, leased or put off, by their kind."""
    counted = Task.select(Task.kind, peewee.fn.COUNT(Task.id)).where(Task.state != "done")
    return dict(counted.group_by(Task.kind).order_by(Task.kind).tuples())
