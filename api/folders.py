"""Mailboxes and their numberings, found or opened."""

from typing import NamedTuple

from postroom.errors import RefusedError
from postroom.wire import Key

from .models import Folder, Mailbox, now


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
    mailbox = Mailbox.get_or_none(Mailbox.name == name)
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


def find_or_open(numbering: Numbering) -> Folder:
    """The folder row, made when missing; call it inside a write transaction."""
    mailbox = _mailbox(numbering.mailbox)
    folder = find(numbering, mailbox)
    if folder is not None:
        return folder
    opened: Folder = Folder.create(
        mailbox=mailbox,
        epoch=numbering.epoch or mailbox.epoch,
        name=numbering.folder,
        uidvalidity=numbering.uidvalidity,
        generation=numbering.generation or 0,
    )
    return opened


def _mailbox(name: str) -> Mailbox:
    found, _ = Mailbox.get_or_create(name=name, defaults={"kind": "api"})
    mailbox: Mailbox = found
    return mailbox


def told_last(folder: Folder, key: str) -> None:
    """Note the highest UID held, for those who ask for a hint."""
    if key.startswith("="):
        return
    number, time = int(key), now()
    Folder.update(last_number=number, changed=time).where(
        Folder.id == folder.id, Folder.last_number < number
    ).execute()
    Mailbox.update(last_number=number, changed=time).where(
        Mailbox.id == folder.mailbox_id, Mailbox.last_number < number
    ).execute()
