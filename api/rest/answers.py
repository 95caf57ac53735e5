"""What the API answers, as types: encoded from here, described from here."""

from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from postroom import records

from ..deliveries import Outcome

T = TypeVar("T")
Person = tuple[str, str]
Key = int | str


class Base(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer; it has the fields named here and no others."""


class Problem(Base, frozen=True):
    """An error (RFC 9457); `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str


class Page(Base, Generic[T], frozen=True):
    """A part of a list; `next_cursor` leads to the next one."""

    items: list[T]
    next_cursor: str | None
    has_more: bool


class Health(Base, frozen=True):
    """That the API lives, and what it stands on."""

    status: Literal["ok"]
    version: str
    schema: int
    batch: int


class FolderUid(Base, frozen=True):
    """The highest UID held of a folder."""

    UID: int
    uidvalidity: int


class MailboxUids(Base, frozen=True):
    """The highest UIDs held of a mailbox."""

    UID: int
    folders: dict[str, FolderUid]


class LastUids(Base, frozen=True):
    """The highest UID held, a hint; 0 where several mailboxes have one each."""

    UID: int
    mailboxes: dict[str, MailboxUids]


class TakenMail(Base, frozen=True):
    """What became of one mail."""

    status: Literal["stored", "duplicate"] | Outcome
    id: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Taken(Base, frozen=True):
    """One answer for each mail, in order."""

    items: list[TakenMail]


class ListedAttachment(Base, frozen=True):
    """A view into a raw mail."""

    number: int
    name: str
    type: str
    content_id: str
    inline: bool
    size: int
    sha256: str
    part: str


class PlaceOfMail(Base, frozen=True):
    """Where a mail stands."""

    mailbox: str
    epoch: int
    folder: str
    uidvalidity: int
    key: Key
    version: int
    state: str
    verified: bool


class ListedMail(Base, frozen=True):
    """A mail as lists show it."""

    id: int
    sha256: str
    size: int
    state: Literal["parsed", "quarantined"]
    date: str
    subject: str
    from_: list[Person] = msgspec.field(name="from")
    message_id: str
    attachments: list[ListedAttachment]
    defects: list[str]
    #: None for what was never read.
    thread_id: int | None


class FoundMail(ListedMail, frozen=True):
    """A mail as a list shows it; with `q`, where its words stand: text, and whether it is a hit."""

    snippets: dict[str, list[tuple[str, bool]]] | UnsetType = UNSET


class Thread(Base, frozen=True):
    """Mails that answer each other, by the last of them."""

    id: int
    mails: int
    last: ListedMail


class ThreadPage(Page[ListedMail], frozen=True):
    """A part of a thread, oldest first."""

    id: int


class WholeMail(ListedMail, frozen=True):
    """All that was read from a mail, and where it stands."""

    sender: list[Person]
    to: list[Person]
    cc: list[Person]
    bcc: list[Person]
    reply_to: list[Person]
    sent: str | None
    date_raw: str
    in_reply_to: list[str]
    references: list[str]
    parts: records.Part | None
    text: str
    html: str
    headers: list[Person]
    has_raw: bool
    created: str
    places: list[PlaceOfMail]


class PassReceipt(Base, frozen=True):
    """What a pass over a folder came to."""

    id: int
    folder: str
    uidvalidity: int
    listed: int
    stored: int
    quarantined: int
    refused: int
    too_big: int
    missing: int
    gone: int
    purged: int
    missing_keys: list[Key]
    server_exists: int | None
    took: float
    created: str


class Mailbox(Base, frozen=True):
    """How a mailbox stands."""

    name: str
    kind: str
    epoch: int
    last_number: int
    state: Literal["new", "ok", "resting", "silent", "failing"]
    #: Seconds between two signs of life; 0: it is never missed.
    interval: float
    seen: str | None
    #: Seconds since nothing was missing.
    lag: float | None
    error: str
    failing_since: str | None
    next_try: str | None
    last_error: str
    last_error_at: str | None
    created: str
    changed: str
    last_receipt: PassReceipt | None


class Quarantined(Base, frozen=True):
    """An item without a usable record."""

    id: int
    mailbox: str
    folder: str
    uidvalidity: int
    key: Key
    state: str
    stage: str
    reason: str
    attempts: int
    next_try: str | None
    sha256: str | None
    size: int
    created: str
    changed: str


class Event(Base, frozen=True):
    """Something that happened."""

    id: int
    kind: str
    source: str
    about: dict[str, Any]
    created: str


class ClaimedTask(Base, frozen=True):
    """A task that is leased to who claimed it."""

    id: int
    kind: str
    source: str
    target: dict[str, Any]


class ListedTask(ClaimedTask, frozen=True):
    """A task and what came of it."""

    state: Literal["due", "leased", "done"]
    attempts: int
    #: It is not given out before; None: at once.
    due: str | None
    result: str
    created: str
    changed: str


class Claimed(Base, frozen=True):
    """Tasks given out."""

    tasks: list[ClaimedTask]


class AskedTask(Base, frozen=True):
    """The task that was made, or was due already."""

    task: int
    state: Literal["due", "leased", "done"]


class Retry(AskedTask, frozen=True):
    """How an item is tried again."""

    kind: str


class Finished(AskedTask, frozen=True):
    """A task and its result."""

    result: str


class Retries(Base, frozen=True):
    """How many items are tried again, and how many cannot be."""

    tasks: int
    superseded: int


class UnparsedMail(Base, frozen=True):
    """A mail to be read again."""

    id: int
    sha256: str
    size: int


class Unparsed(Base, frozen=True):
    """Some of the mails to be read again, and how many there are in all."""

    items: list[UnparsedMail]
    left: int


class ReparsedMail(Base, frozen=True):
    """What became of a new record."""

    id: int
    status: Literal["changed", "same", "failed", "unknown"]


class Reparsed(Base, frozen=True):
    """One answer for each record, in order."""

    items: list[ReparsedMail]


class ShownPlace(Base, frozen=True):
    """Where a mail stands, and what is needed to compare it with the server."""

    id: int
    folder: str
    uidvalidity: int
    key: Key
    #: Rises when other bytes came in the same place.
    version: int
    state: str
    #: False while it was only found again by its headers.
    verified: bool
    #: As the server told; 0: it did not.
    server_size: int
    mail: int | None
    sha256: str
    size: int
    has_raw: bool
    header_sha256: str
    message_id: str
    #: When it was deleted there by us; "" when it was not.
    deleted_at_source: str


class ShownDeletion(Base, frozen=True):
    """A mail that is, or was to be, deleted at its source."""

    id: int
    place: int
    folder: str
    uidvalidity: int
    key: Key
    mail: int
    sha256: str
    size: int
    state: Literal["intended", "deleted", "kept", "unknown"]
    #: How the server's mail was seen to be the stored one.
    proof: str
    reason: str
    created: str
    changed: str


class Deletions(Base, frozen=True):
    """One row for each that was told, in order."""

    items: list[ShownDeletion]
