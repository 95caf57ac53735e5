"""A monitor's signs of life, and what it is asked to do with the answers."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from postroom import wire
from postroom.backoff import reason
from postroom.errors import PostroomError
from postroom.tasks import Tasks

from .shared import Shared

log = logging.getLogger(__name__)

KINDS = ("check", "download", "digest")
#: After an error that nobody foresaw.
REST_SECONDS = 10.0


class Pulse:
    """Asks every so often; `carry(task)` hears of each task once."""

    def __init__(
        self,
        pages: Sequence[str],
        shared: Shared,
        tasks: Tasks[wire.WatchTask],
    ) -> None:
        self._pages = list(pages)
        self._shared = shared
        self._tasks = tasks
        self._wake = threading.Event()

    def run(self, seconds: float, carry: Callable[[wire.WatchTask], None]) -> None:
        """Until told to stop."""
        stop = self._shared.stop
        while not stop.is_set():
            try:
                for task in self.beat():
                    carry(task)
            except Exception as e:
                # The thread must live: the other end may be mended at any time.
                if not stop.is_set():
                    unforeseen = None if isinstance(e, PostroomError) else e
                    log.warning("no tasks: %s", reason(e), exc_info=unforeseen)
                    stop.wait(REST_SECONDS)
            self._wake.wait(seconds)
            self._wake.clear()

    def now(self) -> None:
        """Do not wait for the next time."""
        self._wake.set()

    def beat(self) -> list[wire.WatchTask]:
        """Once: tell what was done, return what is new to do."""
        done, later = self._tasks.results(), self._tasks.postponed()
        request = wire.Pulse(
            pages=self._pages,
            mails=self._shared.mailer is not None,
            digest_of=self._day() if self._shared.mailer else "",
            done=done,
            later=later,
        )
        answer: wire.PulseReply = self._shared.ask(request, "monitor")
        self._tasks.told(done, later)
        return self._tasks.add(answer.tasks)

    def _day(self) -> str:
        digest = self._shared.digest
        return day_of(digest.at, datetime.now(ZoneInfo(digest.time_zone)))


def day_of(at: str, moment: datetime) -> str:
    """The name of the day whose digest is due at that moment; "" before its time, or without."""
    if not at or moment.time() < time.fromisoformat(at):
        return ""
    return moment.date().isoformat()
