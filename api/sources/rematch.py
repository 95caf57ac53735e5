"""Stored mails found again under a new numbering, without their bodies."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import peewee

from postroom import wire

from ..models import Folder, Mail, Mailbox, Place, now
from . import windows
from .folders import Numbered, key_text, told_last


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
            "mail": next(iter(held[each.header_sha256, each.size])),
            "state": next(iter(held[each.header_sha256, each.size].values())),
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


#: By header block and the server's size: mails, and how they stand.
Elders = dict[tuple[str, int], dict[int, str]]


def _held_elders(folder: Folder, hashes: set[str]) -> Elders:
    """Mails of the folder's earlier numberings, by header block and the server's size."""
    elders = _elders(folder.mailbox, folder.name, folder.epoch).where(Folder.id < folder.id)
    rows = (
        Place.select(Mail.header_sha256, Place.server_size, Place.mail, Place.state)
        .join(Mail)
        .where(
            Place.folder.in_(elders.select(Folder.id)),
            Place.state << windows.KEPT,
            Mail.header_sha256.in_(hashes),
        )
        # Where one stands in both ways, it is kept.
        .order_by(Place.state)
        .distinct()
        .tuples()
    )
    held: Elders = {}
    for header_sha256, size, mail, state in rows:
        held.setdefault((header_sha256, size), {})[mail] = state
    return held


def _doubt(folder: Folder, digests: Sequence[wire.Digest], held: Elders) -> None:
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
