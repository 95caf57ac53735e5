"""What a provider says to the master."""

from collections.abc import Iterable
from secrets import randbits
from typing import Annotated

import msgspec
from msgspec import Meta

from .fields import (
    MAX_BATCH_ITEMS,
    MAX_RANGES,
    MAX_TEXT_KEYS,
    MAX_WANTED,
    Base,
    Count,
    Folder,
    Hash,
    Id,
    Key,
    Name,
    Seconds,
    Text,
    TextKey,
    Uid,
)


def _serial() -> int:
    return randbits(63)


class Request(Base, frozen=True, tag_field="cmd"):
    """Any command; `serial` tells two requests of equal content apart, resending keeps it."""

    serial: Count = msgspec.field(default_factory=_serial)


class Hello(Request, frozen=True, tag="HELLO", kw_only=True):
    """A source presents itself."""

    mailbox: Name
    kind: Name
    #: Protocol, server and user: another account under an old name opens a new epoch.
    fingerprint: Text
    interval: Seconds
    version: Name


class Status(Base, frozen=True):
    """What the server said of a folder when it was selected."""

    uidnext: Count | None = None
    exists: Count | None = None
    modseq: Count | None = None


def compressed(uids: Iterable[int]) -> list[tuple[int, int]]:
    """Rising UIDs as closed ranges."""
    ranges: list[tuple[int, int]] = []
    for uid in uids:
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], uid)
        else:
            ranges.append((uid, uid))
    return ranges


class Window(Base, frozen=True):
    """A closed window of keys, and which of them the server lists: UID ranges or text keys."""

    low: Key
    high: Key
    ranges: Annotated[list[tuple[Uid, Uid]], Meta(max_length=MAX_RANGES)] = msgspec.field(
        default_factory=list
    )
    keys: Annotated[list[TextKey], Meta(max_length=MAX_TEXT_KEYS)] = msgspec.field(
        default_factory=list
    )

    def listed(self) -> list[int] | list[str]:
        """All listed keys, in the order given."""
        if self.keys:
            return list(self.keys)
        return [uid for low, high in self.ranges for uid in range(low, high + 1)]


class Digest(Base, frozen=True, array_like=True):
    """What identifies a mail on the server without its body."""

    key: Key
    size: Count
    header_sha256: Hash


class Sample(Base, frozen=True, array_like=True):
    """What the store holds of a key, for the provider to compare with the server."""

    key: Key
    size: Count
    message_id: Text


class InFolder(Request, frozen=True, kw_only=True):
    """A request about one folder of one mailbox."""

    mailbox: Name
    epoch: Count
    folder: Folder
    uidvalidity: Count
    #: Given by the first offer's answer; rises when the server gave UIDs anew without saying so.
    generation: Count | None = None


class Offer(InFolder, frozen=True, tag="OFFER", kw_only=True):
    """What the server lists in one window; the answer says what is wanted of it."""

    #: None asks only whether anything changed since the last receipt.
    window: Window | None = None
    status: Status = Status()
    digests: Annotated[list[Digest], Meta(max_length=MAX_WANTED)] = msgspec.field(
        default_factory=list
    )
    #: The generation in which the samples did not match.
    renumbered: Count | None = None


class Upload(Base, frozen=True):
    """A mail that went ahead in parts."""

    id: Id
    size: Count
    sha256: Hash


class Item(Base, frozen=True):
    """One mail of a push; without bytes, why there are none."""

    key: Key
    #: Bytes as the server told.
    size: Count = 0
    #: Bytes in the body frame.
    length: Count = 0
    upload: Upload | None = None
    #: "" for a mail; else refused, gone or too_big.
    outcome: Annotated[str, Meta(pattern=r"^(refused|gone|too_big)?\Z")] = ""
    reason: Text = ""


class Push(InFolder, frozen=True, tag="PUSH", kw_only=True):
    """Mails, one after another in the body frame."""

    items: Annotated[list[Item], Meta(min_length=1, max_length=MAX_BATCH_ITEMS)]


class Part(Request, frozen=True, tag="PART", kw_only=True):
    """A piece of a mail too large for one message; the body frame is the piece."""

    upload: Id
    offset: Count


class PassWindow(Base, frozen=True):
    """One window of the listing that a pass went over."""

    pass_id: Id
    index: Count
    last: bool
    window: Window | None
    status: Status = Status()
    #: Seconds since the pass began.
    took: Seconds = 0.0


class Pass(InFolder, frozen=True, tag="PASS", kw_only=True):
    """The end of a pass over a folder, or the sign of life of a waiting source."""

    window: PassWindow | None = None
    #: Why the source cannot be read at present.
    error: Text = ""
    #: Seconds until the source is tried again; 0 where that is not known.
    next_try: Seconds = 0.0
    #: Whether `error` is no failure: the source keeps to a limit that it was given.
    resting: bool = False
    #: Ids of the tasks that were carried out, with what to say of them.
    done: Annotated[list[tuple[Count, Text]], Meta(max_length=100)] = msgspec.field(
        default_factory=list
    )
