"""Stored mails found again under a new numbering, without their bodies."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import peewee

from postroom import wire

from . import windows
from .folders import Numbered, key_text, told_last
from .models import Folder, Mail, Mailbox, Place, now


def has_elder(folder: Folder | None, mailbox: Mailbox, offer: wire.Offer) -> bool:
    """Whether the same folder was kept under an earlier numbering."""
    elder = _elders(mailbox, offer.folder, offer.epoch)
    if folder is not None:
        elder = elder.where(Folder.id < folder.id)
    return bool(elder.exists())


def _elders(mailbox: Mailbox, name: str, epoch: int) -> peewee.ModelSelect:
    return Folder.select().where(
        Folder.mailbox == mailbox,
        Folder.epoch == (epoch or mailbox.epoch),
        Folder.name == name,
    )


def match_again(folder: Folder, digests: Sequence[wire.Digest]) -> None:
    """Take over stored mails whose header block and size are equal, one to one on both sides.

    Such a place is unverified: its bytes were never read under this number.
    """
    listed = Counter((each.header_sha256, each.size) for each in digests)
    held = _held_elders(folder, {each.header_sha256 for each in digests})
    _doubt(folder, digests, held)
    keys = [key_text(each.key) for each in digests]
    known = Place.select(Place.key).where(Place.folder == folder, Place.key.in_(keys))
    taken = {key for (key,) in known.tuples()}
    time = now()
    rows: list[dict[str, Any]] = [
        {
            "created": time,
            "changed": time,
            "folder": folder.id,
            "key": key_text(each.key),
            **_taken(held[each.header_sha256, each.size][0]),
            "server_size": each.size,
            "verified": False,
        }
        for each in digests
        if listed[each.header_sha256, each.size] == 1
        and len(held.get((each.header_sha256, each.size), ())) == 1
        and key_text(each.key) not in taken
    ]
    if rows:
        Place.insert_many(sorted(rows, key=lambda row: row["key"])).execute()
        numbered = Numbered(folder.id, folder.name, folder.mailbox_id, folder.last_number)
        told_last(numbered, max(row["key"] for row in rows))


class Elder(NamedTuple):
    """A mail that stands in an earlier numbering."""

    id: int
    state: str


def _taken(elder: Elder) -> dict[str, Any]:
    return {"mail": elder.id, "state": "purged" if elder.state == "purged" else "stored"}


def _held_elders(folder: Folder, hashes: set[str]) -> dict[tuple[str, int], list[Elder]]:
    """Mails of the folder's earlier numberings, by header block and the server's size."""
    elders = _elders(folder.mailbox, folder.name, folder.epoch).where(Folder.id < folder.id)
    rows = (
        Place.select(Mail.header_sha256, Place.server_size, Place.mail, Mail.state)
        .join(Mail)
        .where(
            Place.folder.in_(elders.select(Folder.id)),
            Place.state << windows.KEPT,
            Mail.header_sha256.in_(hashes),
        )
        .distinct()
        .tuples()
    )
    held: dict[tuple[str, int], list[Elder]] = {}
    for header_sha256, size, *mail in rows:
        held.setdefault((header_sha256, size), []).append(Elder(*mail))
    return held


def _doubt(
    folder: Folder, digests: Sequence[wire.Digest], held: dict[tuple[str, int], list[Elder]]
) -> None:
    """Give up pairs of header block and size that stand in this folder under another key.

    Such mails cannot be told apart without their bytes: all of them are downloaded, none taken.
    """
    asked = {key_text(each.key) for each in digests}
    here = (
        Place.select(Place.id, Place.key, Mail.header_sha256, Place.server_size, Place.verified)
        .join(Mail)
        .where(
            Place.folder == folder,
            Mail.header_sha256.in_({each.header_sha256 for each in digests}),
        )
        .tuples()
    )
    twins = [row for row in here if row[1] not in asked]
    unverified = [row[0] for row in twins if not row[4] and (row[2], row[3]) in held]
    Place.delete().where(Place.id.in_(unverified)).execute()
    for _, _, header_sha256, size, _ in twins:
        held.pop((header_sha256, size), None)
