"""Mails that are deleted at their source: first the intention, then the deed, then the receipt.

Whoever dies between the two leaves an intention behind: the next listing that lacks the mail, or
the next run, finds out what became of it.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import peewee

from postroom import wire
from postroom.errors import RefusedError
from postroom.storage import Storage

from ..database import Database
from ..log.events import Told, tell_many
from ..models import Deletion, Folder, Mail, Mailbox, Place, now
from .folders import key_text, key_value

MOST = 500


class Intended(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place, and what the caller read back of its mail."""

    place: int
    #: Of the raw bytes, as the caller hashed them.
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    #: How the server's mail was seen to be the stored one.
    proof: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class IntendBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is about to be deleted at the source."""

    #: Of the account that the caller is logged in to.
    fingerprint: str
    items: Annotated[list[Intended], msgspec.Meta(min_length=1, max_length=MOST)]


class Settled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of one of them."""

    id: int
    state: Literal["deleted", "kept", "unknown"]
    reason: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


class SettleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of them."""

    items: Annotated[list[Settled], msgspec.Meta(min_length=1, max_length=MOST)]


def intend(db: Database, storage: Storage, mailbox: Mailbox, told: IntendBody) -> list[Deletion]:
    """Note the intentions, all or none; RefusedError for what must not be deleted."""
    if told.fingerprint != mailbox.fingerprint:
        raise RefusedError(
            "other_account",
            f"the mailbox {mailbox.name!r} is another account here: what is stored is not its mail",
        )
    hashes = {item.sha256 for item in told.items}
    if hashes - storage.exists(hashes):
        raise RefusedError("not_deletable", "the raw bytes of a mail are not in the store")
    with db.writing():
        return [_intend(mailbox, item) for item in told.items]


def _intend(mailbox: Mailbox, item: Intended) -> Deletion:
    place = _place(mailbox, item.place)
    why = _objection(mailbox, place, item)
    if why:
        raise RefusedError("not_deletable", f"place {item.place}: {why}")
    found, made = Deletion.get_or_create(
        place=place, defaults={"mail": place.mail_id, "proof": item.proof}
    )
    if not made:
        found.mail, found.state, found.proof, found.reason = (
            place.mail_id,
            "intended",
            item.proof,
            "",
        )
        found.changed = now()
        found.save()
    deletion: Deletion = found
    return deletion


def _objection(mailbox: Mailbox, place: Place, item: Intended) -> str:
    """Why this must not be deleted; "" when it may."""
    if place.folder.epoch != mailbox.epoch:
        return "it belongs to an account that this mailbox was before"
    if place.state != "stored" or place.mail is None or place.mail.state != "parsed":
        return f"its mail is not stored, but {place.state}"
    if not place.verified:
        return "its bytes were never read under this number"
    if not place.mail.has_raw:
        return "its mail has no raw bytes"
    if place.mail.sha256 != item.sha256:
        return "the bytes that were read back are not those that were stored"
    newer = Place.select().where(
        Place.folder == place.folder, Place.key == place.key, Place.version > place.version
    )
    return "other bytes came in the same place since" if newer.exists() else ""


def _place(mailbox: Mailbox, id_: int) -> Place:
    place: Place | None = (
        Place.select(Place, Folder, Mail)
        .join(Folder)
        .switch(Place)
        .join(Mail, peewee.JOIN.LEFT_OUTER)
        .where(Place.id == id_, Folder.mailbox == mailbox)
        .first()
    )
    if place is None:
        raise RefusedError("not_found", f"the mailbox {mailbox.name!r} has no place {id_}")
    return place


def settle(db: Database, mailbox: Mailbox, told: SettleBody) -> list[Deletion]:
    """Note what became of intentions; what is known to be deleted stays so."""
    with db.writing():
        rows = {
            row.id: row for row in _rows(mailbox).where(Deletion.id << [i.id for i in told.items])
        }
        for item in told.items:
            if item.id not in rows:
                raise RefusedError("not_found", f"there is no deletion {item.id}")
        changed = [
            _to(rows[item.id], item.state, item.reason)
            for item in told.items
            if rows[item.id].state != "deleted"
        ]
        _tell(mailbox.name, changed)
    return [rows[item.id] for item in told.items]


def settle_absent(folder: Folder, window: wire.Window) -> None:
    """What was to be deleted and is listed no longer is deleted; call it inside a transaction."""
    rows = list(
        _rows(folder.mailbox).where(
            Deletion.state == "intended",
            Place.folder == folder,
            Place.key.between(key_text(window.low), key_text(window.high)),
        )
    )
    if rows:
        listed = {key_text(key) for key in window.listed()}
        absent = [row for row in rows if row.place.key not in listed]
        _tell(folder.mailbox.name, [_to(row, "deleted", "") for row in absent])


def _to(row: Deletion, state: str, reason: str) -> Deletion:
    row.state, row.reason, row.changed = state, reason, now()
    row.save()
    return row


def _tell(mailbox: str, changed: Sequence[Deletion]) -> None:
    tell_many([
        Told(
            "mail.deleted_at_source",
            mailbox,
            {
                "folder": row.place.folder.name,
                "key": key_value(row.place.key),
                "mail": row.mail_id,
                "sha256": row.mail.sha256,
            },
        )
        for row in changed
        if row.state == "deleted"
    ])  # fmt: skip


def _rows(mailbox: Mailbox) -> peewee.ModelSelect:
    return (
        Deletion.select(Deletion, Place, Folder, Mail)
        .join(Place)
        .join(Folder)
        .switch(Deletion)
        .join(Mail)
        .where(Folder.mailbox == mailbox)
    )


def newest(mailbox: Mailbox, state: str, below: int | None, most: int) -> list[Deletion]:
    """Deletions of a mailbox, newest first; "" for all states."""
    found = _rows(mailbox).order_by(Deletion.id.desc()).limit(most)
    if state:
        found = found.where(Deletion.state == state)
    return list(found if below is None else found.where(Deletion.id < below))


def of_mail(mail: int) -> list[Deletion]:
    """Where a mail was deleted at its source, or was to be, and what became of it."""
    found = (
        Deletion.select(Deletion, Place, Folder, Mailbox)
        .join(Place)
        .join(Folder)
        .join(Mailbox)
        .where(Place.mail == mail)
        .order_by(Deletion.id)
    )
    return list(found)
