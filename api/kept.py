"""What rows keep in object stores, mails and watched files, and what becomes of what is lost."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import peewee

from postroom.storage.keys import is_hash

from .deliveries import NOTHING
from .models import File, Mail, Place, now
from .stores import Holds

#: Where the objects of watched files begin; beside them others may come to stand.
PAGES = "pages/"
#: The index of keys holds for these very words.
_HAS_KEY = peewee.SQL("key <> ''")


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of objects, of which a store may hold several."""

    holds: Holds
    owns: Callable[[str], bool]
    #: Keys of this kind come after it.
    begin: str
    #: So many keys that rows rely on, in order, above a key, and the sizes of their objects.
    relied_on: Callable[[str, int], Sequence[tuple[str, int]]]
    #: Those of the keys that a row names.
    named: Callable[[Collection[str]], set[str]]
    #: What stood on these objects is wanted again, now; call it inside a write transaction.
    give_up: Callable[[Collection[str]], int]


def _mails_relied_on(last: str, most: int) -> Sequence[tuple[str, int]]:
    found = Mail.select(Mail.sha256, Mail.size).where(
        Mail.has_raw, Mail.sha256 > last, Mail.sha256 != NOTHING
    )
    return list(found.order_by(Mail.sha256).limit(most).tuples())


def _mails_named(keys: Collection[str]) -> set[str]:
    return {key for (key,) in Mail.select(Mail.sha256).where(Mail.sha256.in_(keys)).tuples()}


def _give_up_mails(keys: Collection[str]) -> int:
    time = now()
    mails = Mail.select(Mail.id).where(Mail.sha256.in_(keys))
    Place.update(state="damaged", next_try=time, changed=time).where(
        Place.mail.in_(mails)
    ).execute()
    Mail.update(has_raw=False, changed=time).where(Mail.sha256.in_(keys)).execute()
    return len(keys)


def _files_relied_on(last: str, most: int) -> Sequence[tuple[str, int]]:
    found = File.select(File.key, File.size).where(
        _HAS_KEY, File.state == "stored", File.key > last
    )
    # Two links to the same bytes under one name have one object.
    return list(found.distinct().order_by(File.key).limit(most).tuples())


def _files_named(keys: Collection[str]) -> set[str]:
    return {key for (key,) in File.select(File.key).where(_HAS_KEY, File.key.in_(keys)).tuples()}


def _give_up_files(keys: Collection[str]) -> int:
    # What the page replaced cannot be had from it any more.
    state = peewee.Case(None, [(File.current, "found")], "failed")
    lost: int = (
        File.update(
            state=state,
            error="its object is gone from the storage",
            attempts=0,
            next_try="",
            etag="",
            last_modified="",
            changed=now(),
        )
        .where(_HAS_KEY, File.key.in_(keys), File.state == "stored")
        .execute()
    )
    return lost


MAILS = Kept("mails", is_hash, "", _mails_relied_on, _mails_named, _give_up_mails)
FILES = Kept(
    "files",
    lambda key: key.startswith(PAGES),
    PAGES,
    _files_relied_on,
    _files_named,
    _give_up_files,
)
