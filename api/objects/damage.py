"""What an object store lost is found out, said, and fetched again."""

import logging
from collections.abc import Collection, Iterator, Sequence
from itertools import islice, takewhile

from postroom.storage import Entry, Storage

from ..database import Database
from ..log import events
from ..models import Store
from . import holding, stores
from .kept import MAILS, Kept

log = logging.getLogger(__name__)
CHUNK = 200


def check(db: Database, storage: Storage, kept: Kept = MAILS) -> int:
    """Check all objects when the store is another one or older than rows rely on.

    Returns how many are lost. What stood on a lost object is wanted again.
    """
    if _is_trusted(storage, kept):
        return 0
    log.warning("store %s is not the one relied on: checking every object", storage.id)
    lost = 0
    for piece in _relied_on(kept):
        bad = _damaged(storage, [key for key, _ in piece])
        if bad:
            lost += _give_up(db, storage, kept, bad)
    with db.writing():
        Store.delete().where(Store.holds == kept.holds).execute()
        stores.rely(storage.id, storage.batch(), kept.holds)
        _tell(storage, lost)
    log.warning("store %s: %d objects are lost and wanted again", storage.id, lost)
    return lost


def _is_trusted(storage: Storage, kept: Kept) -> bool:
    known = {row.store: row.batch for row in Store.select().where(Store.holds == kept.holds)}
    return not known or (set(known) == {storage.id} and known[storage.id] <= storage.batch())


def _relied_on(kept: Kept) -> Iterator[Sequence[tuple[str, int]]]:
    """All that rows rely on, by pieces: no query stays open while others write."""
    last = ""
    while piece := kept.relied_on(last, CHUNK):
        last = piece[-1][0]
        yield piece


def _damaged(storage: Storage, keys: Collection[str]) -> Sequence[str]:
    """Those of the keys whose objects are away or of other bytes."""
    held = storage.exists(keys)
    return [key for key in keys if key not in held or not storage.verify(key)]


def _give_up(db: Database, storage: Storage, kept: Kept, suspects: Sequence[str]) -> int:
    """What stood on these objects is wanted again, now; how many they are."""
    with db.writing():
        # Looked at again under the lock: a push may have brought some back meanwhile. What is
        # there but broken is deleted, since a put leaves an object that is there as it is.
        bad = _damaged(storage, suspects)
        storage.delete(storage.exists(bad))
        return kept.give_up(bad)


def _tell(storage: Storage, lost: int) -> None:
    if lost:
        events.tell("store.damaged", storage.id, lost=lost)


def missed(db: Database, storage: Storage, kept: Kept, keys: Collection[str]) -> int:
    """Somebody looked for these objects in vain: what stood on them is wanted again, now."""
    # Not under the lock: a store may be far away, and one that came meanwhile is only put again.
    gone = set(keys) - storage.exists(keys) if keys else set()
    if not gone:
        return 0
    with db.writing():
        lost = kept.give_up(gone)
        _tell(storage, lost)
    return lost


def compare(db: Database, storage: Storage, kept: Kept = MAILS) -> int:
    """Find by the store's own listing what is gone or of another size; how much that is."""
    lost = 0
    for suspects in _not_listed(storage, kept):
        # What came since the listing began is found to be there.
        lost += _give_up(db, storage, kept, suspects)
    if lost:
        with db.writing():
            _tell(storage, lost)
    return lost


def _not_listed(storage: Storage, kept: Kept) -> Iterator[Sequence[str]]:
    """Keys of which the listing has no object of their size, by pieces."""
    listing = _objects(storage, kept)
    entry = next(listing, None)
    for piece in _relied_on(kept):
        missing = []
        for key, size in piece:
            # Both are sorted by key.
            while entry and entry.key < key:
                entry = next(listing, None)
            if entry is None or (entry.key, entry.size) != (key, size):
                missing.append(key)
        if missing:
            yield missing


def collect(
    db: Database, storage: Storage, untouched_since: float, kept: Kept = MAILS
) -> int:  # fmt: skip
    """Delete objects that no row names and nobody put since that time (epoch seconds)."""
    old = (entry.key for entry in _objects(storage, kept) if entry.touched < untouched_since)
    deleted = 0
    while not holding.are_held() and (keys := list(islice(old, CHUNK))):
        # Not under the write lock: a store may be far away. Whoever is about to name an object has
        # just put it, and by that made it too young for this.
        nobodys = set(keys) - kept.named(keys)
        deleted += storage.delete(nobodys, untouched_since=untouched_since)
        # But S3 looks and deletes by two requests, between which a put may come.
        missed(db, storage, kept, kept.named(nobodys))
    return deleted


def _objects(storage: Storage, kept: Kept) -> Iterator[Entry]:
    listed = storage.list(kept.begin)
    if kept.begin:
        # Sorted by key: behind the first of another kind none of this one follows.
        return takewhile(lambda entry: kept.owns(entry.key), listed)
    return (entry for entry in listed if kept.owns(entry.key))
