"""What an object store lost is found out, said, and fetched again."""

import logging
from collections.abc import Iterator, Sequence
from itertools import islice

from postroom.storage import Storage

from . import events, stores
from .database import Database
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
    for hashes in _relied_on():
        bad = [sha for sha in hashes if not _is_whole(storage, sha)]
        if bad:
            lost += _give_up(db, storage, bad)
    with db.writing():
        Store.delete().execute()
        stores.rely(storage.id, storage.batch())
        if lost:
            events.tell("store.damaged", storage.id, lost=lost)
    log.warning("store %s: %d objects are lost and wanted again", storage.id, lost)
    return lost


def _is_trusted(storage: Storage) -> bool:
    known = {row.store: row.batch for row in Store.select()}
    return not known or (set(known) == {storage.id} and known[storage.id] <= storage.batch())


def _relied_on() -> Iterator[Sequence[str]]:
    """All hashes that rows rely on, by pieces: no query stays open while others write."""
    last = 0
    while True:
        piece = list(
            Mail.select(Mail.id, Mail.sha256)
            .where(Mail.has_raw, Mail.id > last)
            .order_by(Mail.id)
            .limit(CHUNK)
            .tuples()
        )
        if not piece:
            return
        last = piece[-1][0]
        yield [sha for _, sha in piece]


def _is_whole(storage: Storage, sha: str) -> bool:
    return bool(storage.exists([sha])) and storage.verify(sha)


def _give_up(db: Database, storage: Storage, suspects: Sequence[str]) -> int:
    """What stood on these objects is wanted again, now; how many they are."""
    with db.writing():
        # Looked at again under the lock: a push may have brought some back meanwhile. What is
        # there but broken is deleted, since a put leaves an object that is there as it is.
        bad = [sha for sha in suspects if not _is_whole(storage, sha)]
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
