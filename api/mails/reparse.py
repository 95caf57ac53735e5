"""Everything stored, read again by another version of the parser."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
import peewee
from msgspec import Meta

from postroom import records
from postroom.storage import Storage

from ..database import Database, bulk, in_savepoint
from ..deliveries import MAX_MAILS, Delivery
from ..log import events
from ..log.events import Told
from ..models import Attachment, Folder, Mail, Mailbox, Place, encode, now
from ..search import indexing
from . import contents, quarantine, threads
from .rows import attachment_rows, decoded, mail_row

_CULPRIT = (peewee.IntegrityError, peewee.DataError, ValueError, OverflowError)
_OF_ATTACHMENTS = ("number", "name", "type", "content_id", "inline", "size", "sha256", "part")
_STRUCTURED = frozenset({"defects", "record", "headers"})


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """What another version of the parser made of a mail; without `mail`, why nothing."""

    id: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    mail: records.Mail | None = None
    reason: Annotated[str, Meta(max_length=5_000)] = ""


class ReparsedBody(msgspec.Struct, frozen=True, kw_only=True):
    """Mails that a version of the parser has read again."""

    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    mails: Annotated[list[Again], Meta(max_length=MAX_MAILS)]


def unparsed(version: int, limit: int) -> dict[str, Any]:
    """Mails that another version read, as many as asked for, and how many there are in all.

    What is handed in leaves the list, whatever came of it: ask again until it is empty.
    """
    found = [*_unparsed(Mail.parser < version, limit), *_unparsed(Mail.parser > version, limit)]
    items = [{"id": id_, "sha256": sha, "size": size} for id_, sha, size in found[:limit]]
    left = sum(Mail.select().where(each).count() for each in _others(version)) if items else 0
    return {"items": items, "left": max(left, len(items))}


def _others(version: int) -> tuple[peewee.Expression, peewee.Expression]:
    return Mail.parser < version, Mail.parser > version


def _unparsed(others: peewee.Expression, limit: int) -> Any:
    return (
        Mail.select(Mail.id, Mail.sha256, Mail.size)
        .where(others, Mail.has_raw)
        .order_by(Mail.parser, Mail.id)
        .limit(limit)
        .tuples()
    )


def take(db: Database, storage: Storage, version: int, given: Sequence[Again]) -> list[str]:
    """Put the new records in the place of the old, in one transaction; tell what became of each.

    A record that no table takes leaves the old one as it is.
    """
    try:
        with db.writing():
            return _take(db, storage, version, given)
    except _CULPRIT:
        with db.writing():
            return [_alone(db, storage, version, one) for one in given]


def _alone(db: Database, storage: Storage, version: int, one: Again) -> str:
    result = in_savepoint(db, partial(_take, db, storage, version, [one]))
    if not isinstance(result, Exception):
        return result[0]
    reason = f"{type(result).__name__}: {result}"[:5_000]
    return _take(db, storage, version, [msgspec.structs.replace(one, mail=None, reason=reason)])[0]


def _take(db: Database, storage: Storage, version: int, given: Sequence[Again]) -> list[str]:
    held = {mail.id: mail for mail in Mail.select().where(Mail.id.in_([one.id for one in given]))}
    told: list[Told] = []
    statuses = []
    for one in given:
        mail = held.pop(one.id, None)
        if mail is None or mail.sha256 != one.sha256 or mail.state == contents.PURGED:
            statuses.append("unknown")
            continue
        statuses.append(_settle(db, storage, version, mail, one, told))
        Mail.update(parser=version).where(Mail.id == mail.id).execute()
    events.tell_many(told)
    return statuses


def _settle(
    db: Database, storage: Storage, version: int, mail: Any, one: Again, told: list[Told]
) -> str:
    if one.mail is None:
        if mail.state == "quarantined":
            places = Place.select(Place.id).where(Place.mail == mail.id).tuples()
            quarantine.count_failure([id_ for (id_,) in places], one.reason or "parse")
        return "failed"
    new = Delivery(
        mailbox=_mailbox(mail.id),
        sha256=mail.sha256,
        size=mail.size,
        header_sha256=mail.header_sha256,
        mail=one.mail,
        parser=version,
    )
    if mail.state == "quarantined":
        contents.insert(db, [new], storage, told)
        return "changed"
    changed = _replace(db, mail, new, one.mail)
    if not changed:
        return "same"
    about = {"mail": mail.id, "sha256": mail.sha256, "parser": version, "changed": changed}
    told.append(Told("mail.reparsed", new.mailbox, about))
    return "changed"


def _mailbox(mail: int) -> str:
    found = Mailbox.select(Mailbox.name).join(Folder).join(Place).where(Place.mail == mail)
    name: str | None = found.order_by(Place.id).limit(1).scalar()
    return name or ""


def _replace(db: Database, mail: Any, new: Delivery, record: records.Mail) -> list[str]:
    """Replace what differs, in rows and index; return the names of what did."""
    time = now()
    # What has no date of its own is sorted by the time it came, now as before.
    row = mail_row(new, mail.created)
    for name in ("created", "changed", "has_raw", "state", "parser"):
        del row[name]
    differs = {name: value for name, value in row.items() if _held(mail, name) != value}
    before = list(
        Attachment.select(*(getattr(Attachment, name) for name in _OF_ATTACHMENTS))
        .where(Attachment.mail == mail.id)
        .order_by(Attachment.number)
        .tuples()
    )
    attachments = attachment_rows(mail.id, new, time)
    after = [tuple(each[name] for name in _OF_ATTACHMENTS) for each in attachments]
    changed = [*differs, *(["attachments"] if before != after else [])]
    if not changed:
        return []
    _replace_words(mail, [each[1] for each in before], record)
    Mail.update(**decoded(differs), changed=time).where(Mail.id == mail.id).execute()
    threads.rejoin(threads.kin_held(mail))
    if before != after:
        Attachment.delete().where(Attachment.mail == mail.id).execute()
        bulk.insert(Attachment, attachments)
    return changed


def _held(mail: Any, name: str) -> Any:
    value = getattr(mail, name)
    return encode(value) if name in _STRUCTURED else value


def _replace_words(mail: Any, names: Sequence[str], record: records.Mail) -> None:
    old, new = indexing.words_held(mail, names), indexing.words(record)
    if old != new:
        indexing.forget([(mail.id, old)])
        indexing.add([(mail.id, new)])
