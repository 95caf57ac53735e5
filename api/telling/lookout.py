"""What no event tells by itself: a quarantine that grows, full disks, scripts that fail."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from postroom.settings import Alarms

from ..database import Database
from ..log import events
from ..models import Quarantine, Run, Script, Slot
from ..schedule import stamp
from . import alarms, letters

MEGABYTE = 1024 * 1024
#: Runs or slots in a row.
ROW = 3


class _Finding(NamedTuple):
    """How one thing stands, and the events that tell of it."""

    of: str
    source: str
    is_bad: bool
    opens: str
    ends: str
    about: dict[str, Any]


class Lookout:
    """Looks now and then; `disks` are paths by what lies there."""

    def __init__(self, db: Database, options: Alarms, disks: Mapping[str, Path]) -> None:
        self._db, self._options, self._disks = db, options, disks

    def look(self) -> None:
        """Open and end alarms, and make the mail that tells of them."""
        alarms.follow(self._db)
        alarms.forget_sources(self._db)
        for finding in (self._quarantine(), *self._full(), *self._scripts()):
            self._settle(finding)
        if self._options.to:
            letters.make(self._db, self._options)

    def _settle(self, found: _Finding) -> None:
        subject = f"{found.of}:{found.source}"
        if found.is_bad == bool(alarms.found_open(subject)):
            return
        with self._db.writing():
            alarms.follow_within()
            if found.is_bad != bool(alarms.found_open(subject)):
                kind = found.opens if found.is_bad else found.ends
                events.tell(kind, found.source, **found.about)
                alarms.follow_within()

    def _quarantine(self) -> _Finding:
        most, minutes = self._options.quarantine_new, self._options.quarantine_minutes
        since = stamp(datetime.now(UTC) - timedelta(minutes=minutes))
        newest = Quarantine.select(Quarantine.created).order_by(Quarantine.id.desc())
        last = newest.offset(most).limit(1).scalar() or ""
        about = {"more_than": most, "minutes": minutes}
        return _Finding(
            "quarantine", "", last > since, "quarantine.growing", "quarantine.recovered", about
        )

    def _full(self) -> Iterator[_Finding]:
        for name, path in self._disks.items():
            if not path.exists():
                continue
            usage = shutil.disk_usage(path)
            percent = 100 * usage.free / usage.total if usage.total else 100.0
            low = (
                percent < self._options.disk_percent
                or usage.free < self._options.disk_megabytes * MEGABYTE
            )
            about = {"free_bytes": usage.free, "free_percent": round(percent, 1)}
            yield _Finding("disk", name, low, "disk.low", "disk.recovered", about)

    def _scripts(self) -> Iterator[_Finding]:
        for script in Script.select():
            over = Run.select(Run.status, Run.error).where(
                Run.script == script, Run.status != "pending"
            )
            runs = list(over.order_by(Run.id.desc()).limit(ROW).tuples())
            fails = len(runs) == ROW and all(status == "error" for status, _ in runs)
            about = {"runs": ROW, "error": runs[0][1][:500]} if fails else {}
            on = script.enabled
            yield _Finding(
                "script", script.name, on and fails, "script.failing", "script.recovered", about
            )
            struck = Slot.select(Slot.state).where(Slot.script == script)
            slots = [state for (state,) in struck.order_by(Slot.slot.desc()).limit(ROW).tuples()]
            misses = len(slots) == ROW and set(slots) <= {"missed", "skipped"}
            yield _Finding(
                "slots", script.name, on and misses, "script.missing", "script.returned",
                {"slots": ROW},
            )  # fmt: skip
