"""A backup put in place: proven first, then the objects, and last the database that names them.

Until the database is there nothing has changed but that a store has objects more, which a further
try finds, and which are collected if none comes.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence

from postroom.errors import ObjectMissingError, PostroomError, SettingsError
from postroom.progress import progress
from postroom.storage import Storage

from ..database import RESTORING, Database
from ..log import events
from ..models import Fact, File, database
from ..objects import holding
from ..objects.copying import SMALL, Copier, batches
from ..objects.inventory import Item, Store
from ..rest import security
from ..schema.migrations import STEPS, schema_version
from .backupfolder import OBJECTS, BackupFolder, Counted, Manifest, Moment, sha256_of

Stores = Mapping[Store, Storage]
#: So many of what is wrong are named.
_NAMED = 3


def prove(folder: BackupFolder, moment: Moment) -> Manifest:
    """Read all of it and compare; PostroomError, with what is damaged, unless it is whole."""
    manifest = moment.manifest()
    wrong = [
        f"{name} is {'not there' if not (moment.path / name).exists() else 'another file'}"
        for name, sha256 in manifest.files.items()
        if not (moment.path / name).exists() or sha256_of(moment.path / name) != sha256
    ]
    if not wrong:
        wrong = _prove_objects(folder, moment, manifest)
    if wrong:
        more = f", and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise PostroomError(
            f"the backup {moment.path} is damaged, nothing was put in place: "
            f"{'; '.join(wrong[:_NAMED])}{more}"
        )
    return manifest


def _prove_objects(folder: BackupFolder, moment: Moment, manifest: Manifest) -> list[str]:
    stores = folder.stores()
    total = sum(each.count for each in manifest.objects.values())
    found = {name: Counted() for name in manifest.objects}
    wrong = []
    try:
        with progress("proving") as shown:
            for number, item in enumerate(moment.items(), 1):
                if not stores[item.store].verify(item.sha256):
                    wrong.append(f"the object {item.sha256} is missing or damaged")
                before = found[item.store]
                found[item.store] = Counted(
                    before.count + 1, before.bytes + item.size, manifest.objects[item.store].missing
                )
                shown.told(number, total, "")
    finally:
        _close(stores)
    if found != manifest.objects:
        wrong.append(f"{OBJECTS} lists others than were counted")
    return wrong


def check_target(
    db: Database, stores: Stores, manifest: Manifest, moment: Moment, *, replace: bool
) -> None:
    """SettingsError unless the backup may be put there."""
    if manifest.kind != db.kind:
        raise SettingsError(
            f"the backup is of a database in {manifest.kind}, and [api] database is "
            f"{db.shown}: restore it into one of the same kind, then `python -m api move`"
        )
    if manifest.schema > len(STEPS):
        raise SettingsError(
            f"the backup has schema {manifest.schema}, this program knows up to {len(STEPS)}: "
            "restore it with the newer program"
        )
    database.initialize(db)
    if replace or _is_begun(db):
        return
    if schema_version():
        raise SettingsError(
            f"{db.shown} holds a database already: with --replace the backup takes its place"
        )
    if strange := _strange(stores, moment):
        raise SettingsError(
            f"the [storage] for {strange} holds objects that are not in the backup: with "
            "--replace they stay beside those of the backup"
        )


def _is_begun(db: Database) -> bool:
    """Whether a restore into it was stopped before its end."""
    return db.table_exists("facts") and Fact.get_or_none(Fact.name == RESTORING) is not None


def _strange(stores: Stores, moment: Moment) -> str:
    """Which store has what is not of the backup; "" for none."""
    some = [name for name, storage in stores.items() if next(storage.list(), None)]
    # Most often they are empty, and then there is nothing to be kept in mind.
    known = {(item.store, item.key) for item in moment.items()} if some else set()
    for name in some:
        if any((name, entry.key) not in known for entry in stores[name].list()):
            return name
    return ""


def put(db: Database, stores: Stores, folder: BackupFolder, moment: Moment) -> Manifest:
    """Put the proven backup in place: objects, then the database."""
    manifest = moment.manifest()
    _put_objects(stores, folder, moment, manifest)
    db.replace_by(moment.path / manifest.database, lambda copy: _settle(copy, stores, moment))
    return manifest


def _put_objects(stores: Stores, folder: BackupFolder, moment: Moment, manifest: Manifest) -> None:
    kept = folder.stores()
    copiers = {name: Copier(kept[name], stores[name], to_backup=False) for name in stores}
    total = sum(each.count for each in manifest.objects.values())
    done = 0
    try:
        with progress("objects") as shown:
            for batch in batches(moment.items()):
                name = batch[0].store
                lacking = _lacking(stores[name], batch)
                if missing := copiers[name].copy(lacking):
                    raise PostroomError(f"{folder.path}: {missing[0].sha256} went meanwhile")
                done += len(batch)
                shown.told(done, total, "")
    finally:
        _close(kept)


def _lacking(storage: Storage, items: Sequence[Item]) -> list[Item]:
    """Those that the store has not; what it has of other bytes is deleted."""
    held = storage.exists([item.key for item in items])
    broken = [item.key for item in items if item.key in held and not _is(storage, item)]
    storage.delete(broken)
    return [item for item in items if item.key not in held or item.key in broken]


def _is(storage: Storage, item: Item) -> bool:
    digest = hashlib.sha256()
    try:
        with storage.open_read(item.key) as stream:
            for chunk in iter(lambda: stream.read(SMALL), b""):
                digest.update(chunk)
    except ObjectMissingError:
        return False
    return digest.hexdigest() == item.sha256


def _settle(db: Database, stores: Stores, moment: Moment) -> None:
    """Let a copy belong to its new place, and be known as another feed than before."""
    database.initialize(db)
    with db.writing():
        # What came after the backup has the same numbers in another meaning.
        Fact.update(value=secrets.token_hex(8)).where(Fact.name == "feed_epoch").execute()
        Fact.delete().where(Fact.name.in_([RESTORING, holding.NAME])).execute()
        for id_, key in _files():
            File.update(storage_url=stores["files"].url(key)).where(File.id == id_).execute()
        security.forget_strange_tokens(db.folder)
        events.tell("database.restored", "", moment=moment.name)


def _files() -> Iterator[tuple[int, str]]:
    last = 0
    while rows := list(
        File.select(File.id, File.key)
        .where(File.id > last, File.key != "")
        .order_by(File.id)
        .limit(500)
        .tuples()
    ):
        yield from rows
        last = rows[-1][0]


def _close(stores: Stores) -> None:
    for storage in stores.values():
        storage.close()
