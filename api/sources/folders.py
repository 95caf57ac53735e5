"""Mailboxes and their numberings, found or opened."""

from typing import NamedTuple

from postroom.errors import RefusedError
from postroom.wire import Key

from ..models import Folder, Mailbox, database, now


class Numbering(NamedTuple):
    """By what a request names a folder row."""

    mailbox: str
    #: 0: the present one.
    epoch: int
    folder: str
    uidvalidity: int
    #: None: the latest.
    generation: int | None


def key_text(key: Key) -> str:
    """A key as the tables keep it: UIDs as ten digits, which sort as numbers; texts behind "="."""
    return f"{key:010d}" if isinstance(key, int) else f"={key}"


def key_value(text: str) -> Key:
    """A key as sources tell it."""
    return text[1:] if text.startswith("=") else int(text)


def find_mailbox(name: str, epoch: int) -> Mailbox:
    """Raise RefusedError when the source has to say HELLO (again)."""
    mailbox: Mailbox | None = Mailbox.get_or_none(Mailbox.name == name)
    if mailbox is None or (epoch and mailbox.epoch != epoch):
        raise RefusedError("unknown_mailbox", f"mailbox {name!r} in epoch {epoch}: say HELLO first")
    return mailbox


def find(numbering: Numbering, mailbox: Mailbox) -> Folder | None:
    """The folder row, or None when nothing was kept of it yet."""
    found = Folder.select().where(
        Folder.mailbox == mailbox,
        Folder.epoch == (numbering.epoch or mailbox.epoch),
        Folder.name == numbering.folder,
        Folder.uidvalidity == numbering.uidvalidity,
    )
    if numbering.generation is not None:
        found = found.where(Folder.generation == numbering.generation)
    folder: Folder | None = found.order_by(Folder.generation.desc()).first()
    return folder


class Numbered(NamedTuple):
    """A folder row, as far as every batch needs it."""

    id: int
    name: str
    mailbox: int
    last_number: int


_FIND = """
    SELECT f.id, f.name, f.mailbox_id, f.last_number
    FROM folders f JOIN mailboxes m ON m.id = f.mailbox_id
    WHERE m.name = {0} AND f.epoch = CASE {0} WHEN 0 THEN m.epoch ELSE {0} END
    AND f.name = {0} AND f.uidvalidity = {0} AND f.generation = COALESCE({0}, f.generation)
    ORDER BY f.generation DESC LIMIT 1"""


def find_or_open(numbering: Numbering) -> Numbered:
    """The folder row, made when missing; call it inside a write transaction."""
    name, epoch, folder, uidvalidity, generation = numbering
    given = (name, epoch, epoch, folder, uidvalidity, generation)
    found = database.execute_sql(_FIND.format(database.param), given).fetchone()
    return Numbered(*found) if found else _open(numbering)


def _open(numbering: Numbering) -> Numbered:
    if numbering.epoch:
        find_mailbox(numbering.mailbox, numbering.epoch)
    mailbox, _ = Mailbox.get_or_create(name=numbering.mailbox, defaults={"kind": "api"})
    folder = Folder.create(
        mailbox=mailbox,
        epoch=numbering.epoch or mailbox.epoch,
        name=numbering.folder,
        uidvalidity=numbering.uidvalidity,
        generation=numbering.generation or 0,
    )
    return Numbered(folder.id, folder.name, mailbox.id, 0)


def told_last(folder: Numbered, key: str) -> None:
    """Note the highest UID held, for those who ask for a hint."""
    number, time = 0 if key.startswith("=") else int(key), now()
    if number <= folder.last_number:
        return
    Folder.update(last_number=number, changed=time).where(Folder.id == folder.id).execute()
    Mailbox.update(last_number=number, changed=time).where(
        Mailbox.id == folder.mailbox, Mailbox.last_number < number
    ).execute()
