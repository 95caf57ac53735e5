"""What the master answers."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from postroom.records import ItemStatus

from .fields import MAX_PART, MAX_WANTED, Base, Count, Key
from .requests import Sample


class Reply(Base, frozen=True):
    """An answer; `id` is the request's."""

    id: str = ""


class Limits(Base, frozen=True):
    """What a provider must keep to; sizes in bytes."""

    batch_items: int = 200
    batch_bytes: int = 4 * 1024 * 1024
    part_bytes: int = MAX_PART
    mail_bytes: int = 150 * 1024 * 1024


class HelloReply(Reply, frozen=True, kw_only=True):
    """What the source must know before its first pass."""

    epoch: int
    storage: str
    limits: Limits = Limits()
    #: Bytes of mails that came from this account since 00:00 UTC.
    today_bytes: Count = 0


class OfferReply(Reply, frozen=True):
    """Which of the offered keys are wanted."""

    #: Newest first.
    wanted: Annotated[list[Key], Meta(max_length=MAX_WANTED)] = msgspec.field(default_factory=list)
    #: More of this window is wanted: offer it again when these are pushed.
    more: bool = False
    #: The highest UID held, a hint.
    last: int = 0
    generation: int = 0
    #: Send the digests of the wanted keys before any body.
    rematch: bool = False
    #: Nothing changed since the last receipt: the listing may be skipped.
    unchanged: bool = False
    samples: list[Sample] = msgspec.field(default_factory=list)
    #: Seconds until a failed item is due for another try.
    due: float | None = None
    #: The lowest key of the folder that anything is known of, stored or not.
    lowest: Key | None = None


class ItemReply(Base, frozen=True):
    """What became of one item of a push."""

    key: Key
    status: ItemStatus
    after: float = 0.0
    reason: str = ""


class PushReply(Reply, frozen=True, kw_only=True):
    """One answer for each item, in the order of the push."""

    items: list[ItemReply]


class PartReply(Reply, frozen=True, kw_only=True):
    """How far an upload has come."""

    #: Bytes of the upload that the spool now holds without a gap.
    received: int


class Task(Base, frozen=True):
    """Something that the source shall do, claimed from the API."""

    id: int
    kind: str
    #: What to act on: a folder, a key.
    target: dict[str, Any] = msgspec.field(default_factory=dict)


class Receipt(Base, frozen=True):
    """What the API counted over the listed set of one pass."""

    listed: int
    stored: int
    quarantined: int
    refused: int
    too_big: int
    missing: int
    gone: int
    #: Held until its mailbox let it go.
    purged: int = 0


class PassReply(Reply, frozen=True):
    """What the API made of a pass, and what it wants done."""

    receipt: Receipt | None = None
    tasks: list[Task] = msgspec.field(default_factory=list)
    due: float | None = None


class Retry(Reply, frozen=True, tag_field="status", tag="retry", kw_only=True):
    """Not now: nothing was decided, send it again after so many seconds."""

    after: float
    reason: str


class Refusal(Reply, frozen=True, tag_field="status", tag="error", kw_only=True):
    """The request is wrong as it stands: mend it, do not resend it."""

    code: str
    message: str
