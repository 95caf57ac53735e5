"""All mails that a filter selects, one after another, in constant memory.

What is selected is settled before the first byte: ids of eight bytes each, in the order in which
the mails were stored. What comes later is not in it, what was selected is, each mail once.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import msgspec
import peewee

from postroom.errors import PostroomError
from postroom.storage import Storage

from ..models import Mail
from ..rest import fields
from ..rest.ranges import chunks
from . import mbox, query, shown, table
from .raws import open_raw

#: Mails for which one query fetches attachments, and one the places.
BATCH = 100
#: Small lines leave together.
TOGETHER = 64 * 1024
RAW = (Mail.id, Mail.sha256, Mail.has_raw, Mail.from_address, Mail.date)


Ids: TypeAlias = "array[int]"


def select(given: Mapping[str, str], *only: peewee.Node) -> Ids:
    """What the filters of the list select, and that only."""
    found = query.mails(given).select(Mail.id).order_by(Mail.id)
    for condition in only:
        found = found.where(condition)
    return array("q", (id_ for (id_,) in found.tuples().iterator()))


def lines(ids: Ids, names: tuple[str, ...] | None) -> Iterator[bytes]:
    """One JSON a line."""
    encode = msgspec.json.Encoder().encode
    for mails in _batches(ids, Mail.id, Mail.attachment_count):
        files, places = shown.attachments_of(mails), shown.places_of(mails)
        for mail in _heavy(mails):
            yield encode(fields.thin(shown.whole(mail, files, places), names)) + b"\n"


def rows(ids: Ids, names: tuple[str, ...] | None) -> Iterator[bytes]:
    """A table with a line a mail, under a line of names."""
    yield table.head(names)
    for mails in _batches(ids, *shown.LISTED):
        files, places = shown.attachments_of(mails), shown.places_of(mails)
        for mail in mails:
            row = table.Row(mail, files.get(mail.id, []), places.get(mail.id, []))
            yield table.line(row, names)


def messages(ids: Ids, storage: Storage) -> Iterator[bytes]:
    """The raw mails in one file."""
    for mails in _batches(ids, *RAW):
        for mail in mails:
            yield mbox.separator(mail.from_address, mail.date)
            with open_raw(storage, mail) as stream:
                yield from mbox.quoted(chunks(stream))


def _batches(ids: Ids, *columns: peewee.Field) -> Iterator[list[Mail]]:
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH].tolist()
        found = list(Mail.select(*columns).where(Mail.id.in_(some)).order_by(Mail.id))
        if len(found) != len(some):
            raise PostroomError("a mail went while it was exported")
        yield found


def _heavy(mails: list[Mail]) -> Iterator[Mail]:
    """The same with their texts, one at a time: a hundred may be hundreds of megabytes."""
    ids = [mail.id for mail in mails]
    yield from Mail.select(*shown.WHOLE).where(Mail.id.in_(ids)).order_by(Mail.id).iterator()


def together(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth sending."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= TOGETHER:
            yield bytes(held)
            held.clear()
    yield bytes(held)
