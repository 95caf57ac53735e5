"""Contents on their way into the tables: each once, however often it comes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from postroom.errors import TemporaryError
from postroom.storage import Storage

from ..database import Database, bulk
from ..deliveries import Delivery
from ..log.events import Told
from ..models import Attachment, Folder, Mail, Mailbox, Place, now
from ..search import indexing
from . import quarantine, threads
from .kin import kin
from .rows import attachment_rows, date_of, decoded, mail_row

#: The state of a mail that its mailboxes let go.
PURGED = "purged"
Contents = dict[str, int]


class Inserted(NamedTuple):
    """What became of the contents of a batch, by SHA-256."""

    ids: Contents
    #: Those that are read for the first time.
    fresh: set[str]
    #: Those that their mailboxes let go once: they stay so.
    purged: set[str]


def insert(db: Database, batch: Sequence[Delivery], storage: Storage, told: list[Told]) -> Inserted:
    """Insert what is new.

    A quarantined mail is a content too: of its bytes all is known but their meaning. What others
    may have changed is looked at when it is our turn, which we have on return.
    """
    # Where one content comes twice in a batch, the parsed one counts.
    given = {one.sha256: one for one in sorted(batch, key=_is_parsed) if _is_content(one)}
    if not given:
        db.take_turn()
        return Inserted({}, set(), set())
    time = now()
    # Sorted, so that two batches never wait for each other crosswise.
    rows = [mail_row(given[sha], time) for sha in sorted(given)]
    new = dict(bulk.insert(Mail, rows, ignore=True, returning="sha256, id"))
    _describe(new, given, time)
    db.take_turn()
    held = _held(set(given) - set(new))
    purged = _purged(held, batch)
    welcome = {sha: mail for sha, mail in held.items() if sha not in purged}
    understood = _understand(welcome, given, time)
    _describe({sha: held[sha].id for sha in understood}, given, time)
    _regain_raw([sha for sha in welcome if given[sha].has_raw], storage, time)
    ids = {**new, **{sha: mail.id for sha, mail in held.items()}}
    fresh = {sha for sha in {*new, *understood} if _is_parsed(given[sha])}
    _tell([(ids[sha], given[sha]) for sha in sorted(fresh)], told, time)
    return Inserted(ids, fresh, purged)


def _is_parsed(one: Delivery) -> bool:
    return not one.outcome


def _is_content(one: Delivery) -> bool:
    return _is_parsed(one) or (one.outcome == "quarantined" and one.has_raw and bool(one.sha256))


def _held(hashes: set[str]) -> dict[str, Mail]:
    if not hashes:
        return {}
    found = Mail.select(Mail.id, Mail.sha256, Mail.state).where(Mail.sha256.in_(hashes))
    return {mail.sha256: mail for mail in found}


def _understand(held: Mapping[str, Mail], given: Mapping[str, Delivery], time: str) -> list[str]:
    """What was quarantined and is parsed now gets its record, and what was purged a new life."""
    lacking = [
        sha
        for sha, mail in held.items()
        if mail.state == PURGED or (mail.state == "quarantined" and _is_parsed(given[sha]))
    ]
    for sha in lacking:
        row = mail_row(given[sha], time)
        # Whether its bytes are there is looked at below.
        del row["created"], row["has_raw"]
        Mail.update(**decoded(row)).where(Mail.id == held[sha].id).execute()
    hashes = [sha for sha in lacking if _is_parsed(given[sha])]
    quarantine.leave([held[sha].id for sha in hashes], time)
    return hashes


def _purged(held: Mapping[str, Mail], batch: Sequence[Delivery]) -> set[str]:
    """Those that are brought by no mailbox but such as let them go: another one has its own."""
    left = {mail.id: sha for sha, mail in held.items() if mail.state == PURGED}
    if not left:
        return set()
    places = Place.select(Place.mail, Mailbox.name).join(Folder).join(Mailbox)
    known = {(left[id_], name) for id_, name in places.where(Place.mail << list(left)).tuples()}
    brought = {(one.sha256, one.mailbox) for one in batch if one.mailbox}
    return set(left.values()) - {sha for sha, _ in brought - known}


def _regain_raw(hashes: Sequence[str], storage: Storage, time: str) -> None:
    """A content whose bytes were lost, or never came, has them now."""
    if not hashes:
        return
    without = Mail.select(Mail.sha256).where(Mail.sha256.in_(hashes), ~Mail.has_raw).tuples()
    lost = [sha for (sha,) in without]
    if set(lost) - storage.exists(lost):
        # Found broken and deleted between the put and now.
        raise TemporaryError("an object of this batch was lost again: send it once more", 1.0)
    if lost:
        Mail.update(has_raw=True, changed=time).where(Mail.sha256.in_(lost)).execute()


def _describe(ids: Contents, given: Mapping[str, Delivery], time: str) -> None:
    """Attachments and words of what was parsed: nobody else looks at them yet."""
    fresh = [(id_, given[sha]) for sha, id_ in sorted(ids.items()) if _is_parsed(given[sha])]
    bulk.insert(Attachment, [row for id_, one in fresh for row in attachment_rows(id_, one, time)])
    indexing.index(fresh)


def _tell(fresh: Sequence[tuple[int, Delivery]], told: list[Told], time: str) -> None:
    threads.join([kin(id_, date_of(m, time), m) for id_, one in fresh if (m := one.mail)])
    told += [
        Told("mail.stored", one.mailbox, {"mail": id_, "sha256": one.sha256}) for id_, one in fresh
    ]
