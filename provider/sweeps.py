"""`delete_after_days`: once a day, what is stored and old enough is deleted at its source."""

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

from postroom.archive import Archive
from postroom.backoff import Backoff, reason
from postroom.errors import PostroomError, RefusedError
from postroom.settings import Config

from . import mailboxes
from .tools.command import StoppedError, open_archive
from .tools.deleting import Choice, Filters, SafeDelete, choices

log = logging.getLogger(__name__)

DAY = 86_400.0
#: Seconds between two looks whether a complete pass has been made.
LOOK = 5.0


def start(config: Config, names: Sequence[str], stop: threading.Event) -> None:
    """Look after the mailboxes that ask for it; SettingsError for a wrong number of days."""
    for name in names:
        if days := mailboxes.delete_after_days(config, name):
            sweep = Sweep(config, name, days, stop)
            threading.Thread(target=sweep.run, name=f"{name} sweep", daemon=True).start()


class Sweep:
    """One mailbox, beside the loop that reads it, by a connection of its own."""

    def __init__(self, config: Config, name: str, days: int, stop: threading.Event) -> None:
        self._config = config
        self._name = name
        self._filters = Filters(older_than=timedelta(days=days))
        self._stop = stop
        self._since = _now()

    def run(self) -> None:
        """Once a day until told to stop; what fails is tried again."""
        backoff, due = Backoff(), 0.0
        while not self._stop.is_set():
            pause = LOOK
            try:
                if time.monotonic() >= due and self.once():
                    due = time.monotonic() + DAY
                    backoff.reset()
            except StoppedError:
                return
            except Exception as e:
                # The thread must live: the other end may be mended at any time.
                pause = max(LOOK, backoff.pause(e))
                unforeseen = None if isinstance(e, PostroomError) else e
                log.warning(
                    "Slave %s: deletes nothing now: %s", self._name, reason(e), exc_info=unforeseen
                )
            self._stop.wait(pause)

    def once(self) -> bool:
        """Delete what is old enough; False as long as no pass was complete since the last time."""
        with closing(open_archive(self._config)) as archive:
            if not self._has_passed(archive):
                return False
            source = mailboxes.source(self._config, self._name)
            with closing(source):
                source.connect()
                safe = SafeDelete(self._name, source, archive)
                safe.settle()
                chosen: dict[str, Choice] = {}
                found = choices(source, archive, self._name, source.folders(), self._filters)
                for choice in found:
                    self._go_on()
                    chosen[choice.folder] = choice
                try:
                    for choice in chosen.values():
                        safe.carry_out(choice, self._go_on)
                finally:
                    self._tell(len(safe.deleted))
        self._since = _now()
        return True

    def _tell(self, deleted: int) -> None:
        if deleted:
            log.info("Slave %s: %d stored mails deleted at the source", self._name, deleted)

    def _has_passed(self, archive: Archive) -> bool:
        try:
            receipt = archive.mailbox(self._name).last_receipt
        except RefusedError as e:
            if e.code == "not_found":
                return False
            raise
        return receipt is not None and str(receipt.get("created", "")) > self._since

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise StoppedError("stopped before the end")


def _now() -> str:
    """As the API writes times, so that texts compare as times."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
