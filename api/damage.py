"""What an object store lost is found out, said, and fetched again."""

import logging
from collections.abc import Iterator, Sequence
from itertools import islice

from postroom.storage import Storage

from . import events, stores
from .database import Database
from .deliveries import NOTHING
from .models import Mail, Place, Store, now

log = logging.getLogger(__name__)
CHUNK = 200


def check(db: Database, storage: Storage) -> int:
    """Check all objects when the store is another one or older than rows rely on.

    Returns how many are lost. Places of a lost object are wanted again.
    """
    if _is_trusted(storage):
        return 0
    log.warning("store %s is not the one relied on: checking every object", storage.id)
    lost = 0
    for piece in _relied_on():
        bad = _damaged(storage, [sha for sha, _ in piece])
        if bad:
            lost += _give_up(db, storage, bad)
    with db.writing():
        Store.delete().execute()
        stores.rely(storage.id, storage.batch())
        if lost:
            events.tell("store.damaged", storage.id, lost=lost)
    log.warning("store %s: %d objects are lost and wanted again", storage.id, lost)
    return lost


def compare(db: Database, storage: Storage) -> int:
    """Find by its listing what a store lost that counts no commits; how many objects that is."""
    lost = 0
    for bad in _not_listed(storage):
        lost += _give_up(db, storage, bad)
    if lost:
        with db.writing():
            events.tell("store.damaged", storage.id, lost=lost)
        log.warning("store %s: %d objects are lost and wanted again", storage.id, lost)
    return lost


def _is_trusted(storage: Storage) -> bool:
    known = {row.store: row.batch for row in Store.select()}
    return not known or (set(known) == {storage.id} and known[storage.id] <= storage.batch())


def _relied_on() -> Iterator[Sequence[tuple[str, int]]]:
    """All hashes that rows rely on, sorted, with the sizes.

    They come by pieces: no query stays open while others write.
    """
    last = ""
    while True:
        piece = list(
            Mail.select(Mail.sha256, Mail.size)
            .where(Mail.has_raw, Mail.sha256 > last, Mail.sha256 != NOTHING)
            .order_by(Mail.sha256)
            .limit(CHUNK)
            .tuples()
        )
        if not piece:
            return
        last = piece[-1][0]
        yield piece


def _not_listed(storage: Storage) -> Iterator[Sequence[str]]:
    """Hashes of which the listing has no object of their size, by pieces."""
    listing = storage.list()
    entry = next(listing, None)
    for piece in _relied_on():
        bad = []
        for sha, size in piece:
            while entry and entry.key < sha:
                entry = next(listing, None)
            if entry is None or (entry.key, entry.size) != (sha, size):
                bad.append(sha)
        if bad:
            yield bad


def _damaged(storage: Storage, hashes: Sequence[str]) -> Sequence[str]:
    """Those of the hashes whose objects are away or of other bytes."""
    held = storage.exists(hashes)
    return [sha for sha in hashes if sha not in held or not storage.verify(sha)]


def _give_up(db: Database, storage: Storage, suspects: Sequence[str]) -> int:
    """What stood on these objects is wanted again, now; how many they are."""
    with db.writing():
        # Looked at again under the lock: a push may have brought some back meanwhile. What is
        # there but broken is deleted, since a put leaves an object that is there as it is.
        bad = _damaged(storage, suspects)
        storage.delete(storage.exists(bad))
        time = now()
        mails = Mail.select(Mail.id).where(Mail.sha256.in_(bad))
        Place.update(state="damaged", next_try=time, changed=time).where(
            Place.mail.in_(mails)
        ).execute()
        Mail.update(has_raw=False, changed=time).where(Mail.sha256.in_(bad)).execute()
    return len(bad)


def collect(db: Database, storage: Storage, untouched_since: float) -> int:
    """Delete objects that no row names and nobody put since that time (epoch seconds)."""
    old = (entry.key for entry in storage.list() if entry.touched < untouched_since)
    deleted = 0
    while keys := list(islice(old, CHUNK)):
        # Under the write lock: no row can come to name an object while it is being deleted.
        with db.writing():
            nobodys = [key for key in keys if not Mail.select().where(Mail.sha256 == key).exists()]
            deleted += storage.delete(nobodys, untouched_since=untouched_since)
    return deleted
