"""When each page is looked at: APScheduler wakes, and nothing but."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from .pages import Page
from .pool import Pool

#: The looks of many pages drift apart by this share of the interval, and no more than that.
JITTER, MOST_JITTER = 0.1, 60
#: The first looks begin within so many seconds, and one after another.
SPREAD_SECONDS, STEP_SECONDS = 30.0, 0.02
#: As crontab(5) counts them.
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class Schedule:
    """Never two looks at a page at once; a look that comes late is made all the same."""

    def __init__(self, pool: Pool, again: Callable[[str], bool] = lambda _: False) -> None:
        """`again(name)` is asked at the end of a look: whether the next is wanted at once."""
        # It warns of each look that is still under way when the next is due: that is as it should.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(
            executors={"default": _Pooled(pool, self._ended)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
        )
        self._again = again
        self._count = 0

    def add(self, name: str, page: Page, look: Callable[[], None]) -> None:
        """Look at a page by its clock, and for the first time soon after the start."""
        first = (self._count * STEP_SECONDS) % SPREAD_SECONDS
        self._count += 1
        self._scheduler.add_job(
            look, _trigger(page), id=name, next_run_time=_now() + timedelta(seconds=first)
        )

    def start(self) -> None:
        """From now on pages are looked at."""
        self._scheduler.start()

    def within(self, name: str, seconds: float = 0.0) -> None:
        """Look at a page in so many seconds, unless that happens before anyway."""
        at = _now() + timedelta(seconds=seconds)
        job = self._scheduler.get_job(name)
        if job and job.next_run_time > at:
            self._scheduler.modify_job(name, next_run_time=at)

    def next_look(self, name: str) -> float:
        """Seconds until a page is due; 0 where it has no clock."""
        job = self._scheduler.get_job(name)
        return max(0.0, (job.next_run_time - _now()).total_seconds()) if job else 0.0

    def _ended(self, name: str) -> None:
        # A wish that came during the look was passed over by the scheduler.
        if self._again(name):
            self.within(name)

    def close(self) -> None:
        """Wake no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


class _Pooled(BaseExecutor):  # type: ignore[misc]  # APScheduler comes without types
    """Lets the pool do what is due, as APScheduler asks of an executor of one's own."""

    def __init__(self, pool: Pool, ended: Callable[[str], None]) -> None:
        super().__init__()
        self._pool = pool
        self._ended = ended

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        self._pool.submit(lambda: self._run(job, run_times))

    def _run(self, job: Any, run_times: list[datetime]) -> None:
        try:
            events = run_job(job, job._jobstore_alias, run_times, self._logger.name)
        except Exception as e:  # noqa: BLE001 - what APScheduler itself does with it
            self._run_job_error(job.id, e, e.__traceback__)
        else:
            self._run_job_success(job.id, events)
            self._ended(job.id)


def _trigger(page: Page) -> Any:
    if page.cron:
        return _cron(page.cron, page.time_zone)
    jitter = min(page.interval_seconds * JITTER, MOST_JITTER)
    return IntervalTrigger(seconds=page.interval_seconds, jitter=jitter)


def _cron(line: str, time_zone: str) -> Any:
    """As crontab(5) has it, which APScheduler has not: 0 and 7 are Sunday, two days are either."""
    minute, hour, day, month, weekday = line.lower().split()
    common = {"minute": minute, "hour": hour, "month": month, "timezone": time_zone}
    by_day = CronTrigger(day=day, **common)
    by_weekday = CronTrigger(day_of_week=weekdays(weekday), **common)
    if day.startswith("*"):
        return _Crontab([by_weekday])
    return _Crontab([by_day] if weekday.startswith("*") else [by_day, by_weekday])


class _Crontab(BaseTrigger):  # type: ignore[misc]  # APScheduler comes without types
    """The first of some lines of a crontab that is due."""

    def __init__(self, triggers: Sequence[Any]) -> None:
        self._triggers = triggers

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """See BaseTrigger."""
        # Told the previous time, CronTrigger never gets out of the hour that an autumn night has
        # twice: a scheduler that asks it then hangs.
        start = previous.astimezone(UTC) + timedelta(seconds=1) if previous else now
        found = [each.get_next_fire_time(None, start) for each in self._triggers]
        return min((each for each in found if each is not None), default=None)


def weekdays(field: str) -> str:
    """The days of a crontab's fifth field by name, as 1-5 is mon,tue,wed,thu,fri."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        low = 0 if span == "*" else _weekday(first)
        # A step alone goes on to the end of the week.
        high = _weekday(last) if dash else 6 if span == "*" or step else low
        found.update(number % 7 for number in range(low, high + 1, int(step or 1)))
    return ",".join(WEEKDAYS[number] for number in sorted(found))


def _weekday(text: str) -> int:
    return WEEKDAYS.index(text) if text in WEEKDAYS else int(text)


def _now() -> datetime:
    return datetime.now(UTC)
