"""What programs send, as the documents describe it; it is read with more patience than this."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from postroom import records, wire

People = str | list[str | tuple[str, str]]


class Empty(msgspec.Struct, frozen=True):
    """Nothing is read of this body, but its Content-Type must be there."""


class PlainMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as people write it: all may be left out."""

    mailbox: Annotated[str, Meta(max_length=255)] = ""
    folder: Annotated[str, Meta(max_length=1_000)] = ""
    uidvalidity: int = 0
    uid: wire.Key | None = None
    #: The same as uid.
    key: wire.Key | None = None
    subject: str = ""
    sender: People = ""
    from_: People = msgspec.field(name="from", default="")
    to: People = ""
    cc: People = ""
    bcc: People = ""
    reply_to: People = ""
    date: str | None = None
    date_raw: str = ""
    message_id: str = ""
    in_reply_to: list[str] = []
    references: list[str] = []
    text: str = ""
    html: str = ""
    headers: list[tuple[str, str]] = []
    attachments: list[records.Attachment] = []
    parts: dict[str, Any] | None = None
    defects: list[str] = []
    raw: bytes | None = None
    #: Without raw: what identifies the content.
    sha256: str = ""
