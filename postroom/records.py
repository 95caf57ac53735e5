"""The facts that pass between the rooms, frozen."""

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec


class Address(NamedTuple):
    """A mailbox as headers name it; either half may be empty."""

    name: str
    address: str


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A view into the raw mail; the bytes are read from there by `part`."""

    name: str
    type: str
    content_id: str
    inline: bool
    #: Bytes after the transfer encoding is undone.
    size: int
    sha256: str
    #: IMAP-like part path, "2.1"; the root of a mail that has no parts is "1" (RFC 3501, 6.4.5).
    part: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the MIME tree."""

    path: str
    type: str
    parts: tuple["Part", ...] = ()


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """What a parser read from the raw bytes of one mail."""

    subject: str = ""
    #: The Sender header; most mails have only From.
    sender: tuple[Address, ...] = ()
    from_: tuple[Address, ...] = msgspec.field(name="from", default=())
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    #: In UTC; None when the mail gives none that exists.
    date: datetime | None = None
    date_raw: str = ""
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    text: str = ""
    html: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    parts: Part | None = None
    #: Codes of what was wrong and was read all the same.
    defects: tuple[str, ...] = ()


#: What became of one pushed item.
ItemStatus = Literal["stored", "duplicate", "quarantined", "too_big", "retry", "gone", "refused"]
