"""What the rules of retention let go: counted, or deleted in bounded transactions.

First the rows, then the objects that no row names any more: who is killed between the two leaves
objects behind that are collected.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import ModuleType

import msgspec

from postroom.progress import Progress, progress
from postroom.storage import Storage

from ..database import Database
from ..models import Fact, Script
from ..objects import holding
from ..objects.inventory import Store
from ..running import retention
from ..schedule import stamp
from . import purgedfiles, purgedmails, purgedrecords
from .purgedmails import Expired
from .rules import Rules

log = logging.getLogger(__name__)
#: Mails or files of one transaction.
CHUNK = 200
#: An object put so short a time ago may belong to a push under way: a later collection has it.
UNTOUCHED = timedelta(days=1)
DAY = timedelta(days=1)
_LAST = "purged"
_KINDS: Mapping[Store, ModuleType] = {"mails": purgedmails, "files": purgedfiles}
Stores = Mapping[Store, Storage]


class Line(msgspec.Struct, frozen=True):
    """What one rule lets go."""

    kind: str
    #: The mailbox, page or script; "" for a rule over all.
    source: str
    #: In words.
    rule: str
    count: int
    bytes: int


class _Counts:
    """Counts by kind and source."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._found: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, kind: str, source: str, count: int, size: int) -> None:
        before = self._found.get((kind, source), (0, 0))
        if count:
            self._found[kind, source] = (before[0] + count, before[1] + size)

    def add_all(self, kind: str, gone: Iterable[Expired]) -> None:
        for each in gone:
            self.add(kind, each.source, 1, each.size)

    @property
    def total(self) -> int:
        return sum(count for count, _ in self._found.values())

    def lines(self) -> list[Line]:
        return [
            Line(kind, source, _in_words(self._rules, kind, source), count, size)
            for (kind, source), (count, size) in self._found.items()
        ]


def plan(rules: Rules, at: datetime) -> list[Line]:
    """What would go; nothing is changed."""
    return _counted(rules, at).lines()


def _counted(rules: Rules, at: datetime) -> _Counts:
    found = _Counts(rules)
    for name, kind in _KINDS.items():
        found.add_all(name, kind.expired(rules, at))
    for script in Script.select().order_by(Script.name):
        for _, size in retention.spare(script, at):
            found.add("runs", script.name, 1, size)
    for records in purgedrecords.KINDS:
        found.add(records.name, "", *records.measure(rules, at))
    return found


class Purge:
    """One of them; it ends early when somebody asks for that, and the next one goes on."""

    def __init__(
        self, db: Database, stores: Stores, rules: Rules, stop: threading.Event, at: datetime
    ) -> None:
        self._db, self._stores, self._rules, self._stop, self._at = db, stores, rules, stop, at
        self._gone = _Counts(rules)

    def run(self) -> list[Line]:
        """Delete what the rules let go; what that was."""
        planned = _counted(self._rules, self._at)
        with progress("purge") as shown:
            for name in _KINDS:
                self._purge(name, shown, planned.total)
            if not self._stop.is_set():
                self._purge_runs()
            for records in purgedrecords.KINDS:
                self._purge_records(records, shown, planned.total)
        return self._gone.lines()

    def _purge(self, name: Store, shown: Progress, total: int) -> None:
        kind, store = _KINDS[name], self._stores[name]
        before = (self._at - UNTOUCHED).timestamp()
        for some in _chunks(kind.expired(self._rules, self._at)):
            if self._stop.is_set():
                return
            with self._db.writing():
                # Looked at again, now that nobody else writes.
                gone = kind.over([each.id for each in some], self._rules, self._at)
                keys = kind.forget(gone)
                is_held = holding.are_held()
            if not is_held:
                store.delete(keys, untouched_since=before)
            self._gone.add_all(name, gone)
            shown.told(self._gone.total, total, name)

    def _purge_runs(self) -> None:
        for script in Script.select().order_by(Script.name):
            for _, size in retention.spare(script, self._at):
                self._gone.add("runs", script.name, 1, size)
        retention.clear_up(self._db, self._stores["files"], self._at)

    def _purge_records(self, records: purgedrecords.Records, shown: Progress, total: int) -> None:
        _, size = records.measure(self._rules, self._at)
        deleted = 0
        while not self._stop.is_set() and (some := records.purge(self._db, self._rules, self._at)):
            deleted += some
            shown.told(self._gone.total + deleted, total, records.name)
        self._gone.add(records.name, "", deleted, size)


def daily(db: Database, stores: Stores, rules: Rules, stop: threading.Event) -> None:
    """Purge when the last time is a day ago."""
    at = datetime.now(UTC)
    last = Fact.select(Fact.value).where(Fact.name == _LAST).scalar()
    if last is not None and last > stamp(at - DAY):
        return
    for line in Purge(db, stores, rules, stop, at).run():
        log.info("API: purged %s", shown(line))
    with db.writing():
        Fact.insert(name=_LAST, value=stamp(at)).on_conflict(
            conflict_target=[Fact.name], update={Fact.value: stamp(at)}
        ).execute()


def shown(line: Line) -> str:
    """A line in words."""
    of = f" of {line.source}" if line.source else ""
    return f"{line.kind}{of}, {line.rule}: {line.count}, {line.bytes / 1_000_000:.1f} MB"


def _in_words(rules: Rules, kind: str, source: str) -> str:
    if kind == "runs":
        return "as the script says"
    if kind == "files":
        rule = rules.of_page(source)
        versions = [f"more than {rule.versions} versions"] if rule.versions else []
        return " or ".join([*_older(rule.days), *versions])
    if kind == "mails":
        return "".join(_older(rules.of_mailbox(source)))
    records = next(each for each in purgedrecords.KINDS if each.name == kind)
    return "".join(_older(records.days(rules)))


def _older(days: float) -> list[str]:
    return [f"older than {days:g} days"] if days else []


def _chunks(expired: Iterable[Expired]) -> Iterator[list[Expired]]:
    left = iter(expired)
    while some := list(islice(left, CHUNK)):
        yield some
