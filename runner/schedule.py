"""The clocks of all scripts: APScheduler only wakes, the rows of slots decide."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from postroom.clock import Clock, clock_of, moment
from postroom.errors import RefusedError
from postroom.runner_client import RunnerClient
from postroom.runs import Schedule, TellSlots, ToldSlot

log = logging.getLogger(__name__)


class Schedules:
    """Wakes whenever a clock strikes; `strike` tells what struck, once, whoever else does."""

    def __init__(self, wake: Callable[[], None]) -> None:
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        # A wake that comes late is of use, of many one; what became of slots is not its business.
        self._scheduler = BackgroundScheduler(
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
        )
        self._wake = wake
        self._known: dict[str, Schedule] = {}
        self._clocks: dict[str, Clock] = {}
        self._planned: dict[str, datetime] = {}
        self._scheduler.start()

    def know(self, schedules: Sequence[Schedule]) -> None:
        """Take the clocks as they are now."""
        found = {schedule.name: schedule for schedule in schedules}
        for name in self._known.keys() - found.keys():
            self._forget(name)
        for name, schedule in found.items():
            if self._known.get(name) != schedule:
                self._take(schedule)
        self._known = found

    def strike(self, client: RunnerClient) -> list[ToldSlot]:
        """Tell the slots that are due, of all scripts; what became of them."""
        told: list[ToldSlot] = []
        for name, clock in list(self._clocks.items()):
            until = datetime.now(UTC)
            if slots := clock.slots(self._planned[name], until):
                told += self._tell(client, name, slots, until)
        return told

    def close(self) -> None:
        """Wake no more."""
        self._scheduler.shutdown(wait=False)

    def _tell(
        self, client: RunnerClient, name: str, slots: Sequence[datetime], until: datetime
    ) -> list[ToldSlot]:
        texts = [slot.isoformat() for slot in slots]
        try:
            told = client.slots(name, TellSlots(slots=texts, until=until.isoformat()))
        except RefusedError as e:
            # Deleted or set anew since; the next list says so.
            log.warning("%s: its slots are not taken: %s", name, e)
            self._forget(name)
            self._known.pop(name, None)
            return []
        self._planned[name] = until
        for slot in told:
            log.info("%s: slot %s: %s", name, slot.slot, slot.state)
        return told

    def _take(self, schedule: Schedule) -> None:
        name = schedule.name
        self._forget(name)
        try:
            clock = clock_of(schedule)
        except ValueError as e:
            log.warning("%s: its clock cannot be read: %s", name, e)
            return
        if clock is None:
            return
        self._clocks[name] = clock
        self._planned[name] = moment(schedule.planned)
        self._scheduler.add_job(self._wake, _Struck(clock), id=name)

    def _forget(self, name: str) -> None:
        if self._clocks.pop(name, None):
            self._scheduler.remove_job(name)
            del self._planned[name]


class _Struck(BaseTrigger):  # type: ignore[misc]  # APScheduler comes without types
    """Our own clock as APScheduler asks it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> Any:
        """See BaseTrigger."""
        return self._clock.next(previous or now)
