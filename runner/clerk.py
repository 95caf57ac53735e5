"""What makes runs: clocks that strike, mails and files that come, scripts in the folder."""

import logging
import threading
import time
from pathlib import Path

from postroom.backoff import Backoff, reason
from postroom.errors import PostroomError
from postroom.runner_client import RunnerClient

from .pace import Pace
from .schedule import Schedules

log = logging.getLogger(__name__)

#: Seconds between two looks at the settings of scripts, and at the folder.
_REFRESH = 2.0


class Clerk:
    """One thread; any number of runners may have one."""

    def __init__(
        self, client: RunnerClient, folder: Path, poll_seconds: float, stop: threading.Event
    ) -> None:
        self._client, self._folder, self._stop = client, folder, stop
        self._pace = Pace(poll_seconds)
        self._wake = threading.Event()
        self._schedules = Schedules(self._wake.set)
        self._refresh = 0.0
        self._seen: dict[str, tuple[int, int]] | None = None

    def run(self) -> None:
        """Until told to stop."""
        backoff = Backoff()
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self._pace.had(self.round())
            except Exception as e:
                # The thread must live: the API may be back at any time.
                pause = backoff.pause(e)
                unforeseen = None if isinstance(e, PostroomError) else e
                log.warning("no clock, no triggers: %s", reason(e), exc_info=unforeseen)
                self._stop.wait(pause)
            else:
                backoff.reset()
                self._wake.wait(self._pace.seconds)
        self._schedules.close()

    def wake(self) -> None:
        """Do not wait for the next time."""
        self._wake.set()

    def round(self) -> bool:
        """Once: whether runs were made."""
        if time.monotonic() >= self._refresh:
            self._sync()
            self._schedules.know(self._client.schedules())
            self._refresh = time.monotonic() + _REFRESH
        is_busy = bool(self._schedules.strike(self._client))
        more = True
        while more and not self._stop.is_set():
            advanced = self._client.advance()
            more = advanced.more
            is_busy = is_busy or advanced.runs > 0
        return is_busy

    def _sync(self) -> None:
        """Tell the scripts in the folder, when there is one and a file has changed."""
        if not self._folder.is_dir():
            return
        files = sorted(self._folder.glob("*.py"))
        seen = {path.stem: _facts(path) for path in files}
        if seen == self._seen:
            return
        sources = {path.stem: path.read_text("utf-8", "replace") for path in files}
        for each in self._client.folder(sources):
            if each.status == "refused":
                log.warning("script %s is refused: %s", each.name, each.reason)
            elif each.status != "same":
                log.info("script %s: %s, version %d", each.name, each.status, each.version)
        self._seen = seen


def _facts(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
