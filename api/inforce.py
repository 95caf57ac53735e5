"""What is in force, as the settings page shows it: never a secret."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from postroom.settings import Alarms

from .models import Run

#: Runs whose isolation is looked at, newest first.
LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """A store as the settings name it: of which kind, and where."""

    kind: str = ""
    where: str = ""


#: Keys of a [page NAME] whose values people may see; any other may hold a secret.
TOLD = (
    "interval_seconds", "cron", "time_zone", "extensions", "select", "url_pattern", "text_pattern",
    "skip_pattern", "elements", "same_host", "depth", "max_pages", "max_links", "drop_parameters",
    "recheck_hours", "max_megabytes", "timeout_seconds", "download_seconds", "pause_seconds",
    "robots", "user_agent", "ca_file", "allow_hosts",
)  # fmt: skip


class PageSettings(NamedTuple):
    """What the settings say of a watched page: keys with their values, and keys alone."""

    told: list[tuple[str, str]]
    hidden: list[str]


def page_settings(section: Mapping[str, str]) -> PageSettings:
    """A [page NAME] as it is shown."""
    told = [(key, " ".join(section[key].split())) for key in TOLD if key in section]
    return PageSettings(told, sorted(section.keys() - {"url", *TOLD}))


@dataclass(frozen=True, slots=True)
class InForce:
    """What the API was started with, as far as people may see it."""

    #: A path, or the host and name of a database server; never a password.
    database: str = ""
    #: Where it listens.
    address: str = ""
    threads: int = 0
    streams: int = 0
    exports: int = 0
    presigned: bool = False
    #: 0: for ever.
    events_days: int = 0
    delivered_hours: float = 0.0
    session_hours: float = 0.0
    mails: Kept = field(default_factory=Kept)
    files: Kept = field(default_factory=Kept)
    alarms: Alarms = field(default_factory=Alarms)
    #: By the names of the pages that this API's own settings have.
    pages: Mapping[str, PageSettings] = field(default_factory=dict)
    #: Paths on this machine, by what lies there.
    disks: Mapping[str, Path] = field(default_factory=dict)


class Disk(NamedTuple):
    """A disk that this house writes to."""

    holds: str
    path: Path
    free: int
    total: int


class Isolation(NamedTuple):
    """How a runner kept its last script apart, and when."""

    worker: str
    isolation: str
    at: str


def disks(of: InForce) -> list[Disk]:
    """How full they are, as far as they are on this machine."""
    found = []
    for holds, path in of.disks.items():
        # What is not there yet will be written to the disk of its parent.
        there = next(each for each in (path, *path.absolute().parents) if each.exists())
        usage = shutil.disk_usage(there)
        found.append(Disk(holds, path, usage.free, usage.total))
    return found


def isolations() -> list[Isolation]:
    """What each runner had in force at its newest run, newest first."""
    rows = (
        Run.select(Run.worker, Run.isolation, Run.started)
        .where(Run.isolation != "")
        .order_by(Run.id.desc())
        .limit(LOOKED_AT)
    )
    found: dict[str, Isolation] = {}
    for row in rows:
        found.setdefault(row.worker, Isolation(row.worker, row.isolation, row.started))
    return list(found.values())
