"""When the clock of a script strikes: its slots, in UTC, on every night of the year."""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from .cron import with_named_days
from .runs import MAX_SLOTS, Schedule

_SECOND = timedelta(seconds=1)


class Clock(Protocol):
    """Strikes now and then."""

    def next(self, after: datetime) -> datetime | None:
        """The first slot after a moment, or None."""

    def slots(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """The slots after a moment and up to another: the newest, as many as one call takes."""


class Repeating:
    """The seed's clock: `scheduled_time`, then every `repeat_after` seconds, or once."""

    def __init__(self, first: datetime, seconds: float) -> None:
        self._first = first
        self._step = timedelta(seconds=seconds)

    def next(self, after: datetime) -> datetime | None:
        """See Clock."""
        if after < self._first:
            return self._first
        if not self._step:
            return None
        return self._first + ((after - self._first) // self._step + 1) * self._step

    def slots(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """See Clock."""
        if until < self._first or until <= after:
            return []
        if not self._step:
            return [self._first] if after < self._first else []
        last = (until - self._first) // self._step
        least = max(0, (after - self._first) // self._step + 1, last - MAX_SLOTS + 1)
        return [self._first + number * self._step for number in range(least, last + 1)]


class Cron:
    """Five fields of crontab(5) in a time zone.

    In the night that lacks an hour, what would strike in it strikes an hour later by the wall
    clock; in the night that has one twice, it strikes in the first, unless the hours are `*`.
    """

    def __init__(self, line: str, time_zone: str) -> None:
        minute, hour, day, month, weekday = with_named_days(line.lower()).split()
        self._zone = ZoneInfo(time_zone)
        self._is_hourly = hour.startswith("*")
        common = {"minute": minute, "hour": hour, "month": month, "timezone": self._zone}
        by_day = CronTrigger(day=day, **common)
        by_weekday = CronTrigger(day_of_week=weekday, **common)
        # As crontab(5) has it, which APScheduler has not: of two fields of days either is enough.
        if day.startswith("*"):
            self._triggers = [by_weekday]
        elif line.split()[4].startswith("*"):
            self._triggers = [by_day]
        else:
            self._triggers = [by_day, by_weekday]

    def next(self, after: datetime) -> datetime | None:
        """See Clock."""
        moment = after
        while True:
            # Without a previous time: with one it does not get out of the doubled hour.
            start = moment.astimezone(UTC).replace(microsecond=0) + _SECOND
            found = [each.get_next_fire_time(None, start) for each in self._triggers]
            struck: list[datetime] = [each.astimezone(UTC) for each in found if each is not None]
            if not struck:
                return None
            moment = min(struck)
            if self._is_hourly or not moment.astimezone(self._zone).fold:
                return moment

    def slots(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """See Clock."""
        days = 1
        while True:
            # The newest are enough; to find them there is no need to go through years.
            start = max(after, until - timedelta(days=days))
            found = deque(self._between(start, until), MAX_SLOTS)
            if start == after or len(found) == MAX_SLOTS:
                return list(found)
            days *= 4

    def _between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        moment = self.next(after)
        while moment and moment <= until:
            yield moment
            moment = self.next(moment)


def clock_of(schedule: Schedule) -> Clock | None:
    """The clock of a script, where it has one that goes."""
    if not schedule.enabled:
        return None
    if schedule.cron:
        return Cron(schedule.cron, schedule.time_zone)
    if schedule.scheduled_time:
        return Repeating(moment(schedule.scheduled_time), schedule.repeat_after)
    return None


def moment(text: str) -> datetime:
    """A time of the API."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
