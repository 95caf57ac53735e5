"""What rows keep in object stores: mails, watched files, what runs made; and what is lost of it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import peewee

from postroom.storage.keys import is_hash

from ..deliveries import NOTHING
from ..models import File, Mail, Place, Run, now
from .stores import Holds

#: Where the objects of watched files begin; beside them others may come to stand.
PAGES = "pages/"
#: And those of what scripts made: runs/RUN/ATTEMPT/NAME.
RUNS_BEGIN = "runs/"
#: The indexes of keys hold for these very words.
_HAS_OBJECTS = peewee.SQL("objects <> ''")
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
    found = Mail.select(Mail.sha256).where(Mail.sha256.in_(keys), Mail.state != "purged")
    return {key for (key,) in found.tuples()}


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


def _runs_relied_on(last: str, most: int) -> Sequence[tuple[str, int]]:
    # In the order of the keys, since how they begin ends with a slash.
    runs = (
        Run.select(Run.output_key, Run.output_size, Run.artefacts)
        .where(_HAS_OBJECTS, Run.objects >= (beginning(last) if last else ""))
        .order_by(Run.objects)
    )
    found: list[tuple[str, int]] = []
    # Never one alone: all of its keys may be behind us.
    for run in runs.limit(max(2, most)):
        kept = [(run.output_key, run.output_size)]
        kept += [(each["key"], each["size"]) for each in run.artefacts]
        found += sorted(each for each in kept if each[0] > last)
        if len(found) >= most:
            break
    return found[:most]


def _runs_named(keys: Collection[str]) -> set[str]:
    """Also what the present attempt of a run put there and has not told yet."""
    begins = {beginning(key) for key in keys}
    ids = {int(run) for run in (each.split("/")[1] for each in begins) if _is_id(run)}
    known: set[str] = set()
    for run in Run.select(Run.id, Run.attempt, Run.objects).where(Run.id.in_(ids)):
        known |= {run.objects, f"{RUNS_BEGIN}{run.id}/{run.attempt}/"}
    return {key for key in keys if beginning(key) in known}


def _is_id(text: str) -> bool:
    return text.isdigit() and len(text) < 19


def keys_of(run: Run) -> list[str]:
    """The objects that a run's row names; of what is lost the key is empty."""
    keys: list[str] = [run.output_key, *(each["key"] for each in run.artefacts)]
    return [key for key in keys if key]


def beginning(key: str) -> str:
    """What the keys of all objects of one attempt have in common."""
    return "".join(f"{part}/" for part in key.split("/")[:3])


def _give_up_runs(keys: Collection[str]) -> int:
    # Nobody can make it again but the script.
    lost = 0
    begins = {beginning(key) for key in keys}
    for run in Run.select().where(_HAS_OBJECTS, Run.objects.in_(begins)):
        lost += len(set(keys).intersection(keys_of(run)))
        if run.output_key in keys:
            run.output_key, run.output_size = "", 0
        run.artefacts = [
            {**each, "key": ""} if each["key"] in keys else each for each in run.artefacts
        ]
        run.objects = run.objects if keys_of(run) else ""
        run.changed = now()
        run.save()
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
RUNS = Kept(
    "runs",
    lambda key: key.startswith(RUNS_BEGIN),
    RUNS_BEGIN,
    _runs_relied_on,
    _runs_named,
    _give_up_runs,
)
