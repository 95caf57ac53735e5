"""A copy of all that is kept, while others write: first the database, then the objects it names.

Raw bytes are durable before a row names them, so what a copy of the database names is there to be
copied afterwards, and stays as long as it is held. The other way round a row could come to name
what the copy of the objects has not.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import postroom
from postroom.progress import progress
from postroom.settings import Config
from postroom.storage import Storage

from ..database import Database
from ..models import TABLES, now
from ..objects import holding, inventory
from ..objects.copying import Copier, batches
from ..objects.inventory import Item, Store
from ..schema.migrations import schema_version
from .backupfolder import (
    OBJECTS,
    SETTINGS,
    BackupFolder,
    Counted,
    Manifest,
    Moment,
    read_items,
    sha256_of,
    write_items,
)
from .redacted import without_secrets

_NAMED = "named.jsonl"
Stores = Mapping[Store, Storage]


def make(db: Database, stores: Stores, config: Config, folder: BackupFolder) -> Moment:
    """Make a further moment; only objects that the folder has not are copied."""
    with folder.locked(), _held(db) as hold, ExitStack() as opened:
        moment = folder.begin()
        target = {
            name: opened.enter_context(closing(each)) for name, each in folder.stores().items()
        }
        taken = _Taken(db, moment)
        objects = _Objects(stores, target, hold)
        write_items(moment.path / OBJECTS, objects.copied(moment.path / _NAMED, taken.objects))
        (moment.path / _NAMED).unlink()
        if config.file is not None:
            _write(moment.path / SETTINGS, without_secrets(config.file))
        manifest = Manifest(
            made=taken.made,
            program=postroom.__version__,
            kind=db.kind,
            schema=taken.schema,
            rows=taken.rows,
            objects=objects.counted,
            files={each.name: sha256_of(each) for each in sorted(moment.path.iterdir())},
        )
        return folder.finish(moment, manifest)


class _Hold:
    """Keeps objects from being deleted, by saying so again before it is over."""

    def __init__(self, db: Database) -> None:
        self._db, self._said = db, time.monotonic()
        holding.hold(db)

    def go_on(self) -> None:
        if time.monotonic() - self._said > holding.HELD.total_seconds() / 2:
            self._said = time.monotonic()
            holding.hold(self._db)


@contextmanager
def _held(db: Database) -> Iterator[_Hold]:
    try:
        yield _Hold(db)
    finally:
        holding.let_go(db)


class _Taken:
    """The database at one moment: its copy, the objects that it names, its numbers."""

    def __init__(self, db: Database, moment: Moment) -> None:
        with progress("database") as shown, db.at_one_moment():
            self.made, self.schema = now(), schema_version()
            db.copy_to(
                moment.path / f"database.{db.kind}",
                lambda done, total: shown.told(done, total, "pages" if total > 1 else ""),
            )
            self.objects = write_items(moment.path / _NAMED, inventory.all_named())
            self.rows = {model._meta.table_name: model.select().count() for model in TABLES}


class _Objects:
    """What a moment names, on its way into the folder."""

    def __init__(self, source: Stores, target: Stores, hold: _Hold) -> None:
        self._target, self._hold = target, hold
        self._copiers = {
            name: Copier(source[name], target[name], to_backup=True) for name in source
        }
        self.counted: dict[Store, Counted] = {name: Counted() for name in source}

    def copied(self, named: Path, total: int) -> Iterator[Item]:
        """Those of the list that the folder has in the end."""
        done = new = 0
        with progress("objects") as shown:
            for batch in batches(read_items(named)):
                name = batch[0].store
                held = self._target[name].exists({item.sha256 for item in batch})
                lacking = [item for item in batch if item.sha256 not in held]
                missing = {item.sha256 for item in self._copiers[name].copy(lacking)}
                there = [item for item in batch if item.sha256 not in missing]
                self._count(name, there, len(batch) - len(there))
                done, new = done + len(batch), new + len(lacking) - len(missing)
                shown.told(done, total, f"{new} new")
                yield from there
                self._hold.go_on()

    def _count(self, name: Store, there: list[Item], missing: int) -> None:
        before = self.counted[name]
        self.counted[name] = Counted(
            before.count + len(there),
            before.bytes + sum(item.size for item in there),
            before.missing + missing,
        )


def _write(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, "utf-8")
