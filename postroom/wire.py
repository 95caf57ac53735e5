"""Wire v1: frames to requests and back, with bounds on all that is read; opens no socket.

docs/protocol.md describes the same for providers in other languages.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import blake2b
from secrets import randbits
from typing import Annotated, Any, NamedTuple, TypeVar

import msgpack
import msgspec
from msgspec import Meta

from postroom.errors import WireError
from postroom.records import ItemStatus

VERSION = b"postroom/1"
FRAMES = 3
MAX_MESSAGE = 8 * 1024 * 1024
MAX_HEADER = 2 * 1024 * 1024
MAX_PART = 4 * 1024 * 1024
MAX_BATCH_ITEMS = 1_000
MAX_RANGES = 10_000
#: Keys that one window may list, as ranges of UIDs or one by one.
MAX_WINDOW = 20_000
MAX_TEXT_KEYS = 5_000
MAX_WANTED = 5_000

_Name = Annotated[str, Meta(min_length=1, max_length=255)]
_Folder = Annotated[str, Meta(max_length=1_000)]
_Text = Annotated[str, Meta(max_length=2_000)]
_Uid = Annotated[int, Meta(ge=1, le=2**32 - 1)]
_TextKey = Annotated[str, Meta(min_length=1, max_length=512)]
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
#: Bounded, so that "for ever" cannot come in as infinity.
_Seconds = Annotated[float, Meta(ge=0, le=1e10)]
_Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
#: A UID, or the text by which a source without UIDs names an item.
Key = _Uid | _TextKey


class _Base(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


def _serial() -> int:
    return randbits(63)


class Request(_Base, frozen=True, tag_field="cmd"):
    """Any command; `serial` tells two requests of equal content apart, resending keeps it."""

    serial: _Count = msgspec.field(default_factory=_serial)


class Hello(Request, frozen=True, tag="HELLO", kw_only=True):
    """A source presents itself."""

    mailbox: _Name
    kind: _Name
    #: Protocol, server and user: another account under an old name opens a new epoch.
    fingerprint: _Text
    interval: _Seconds
    version: _Name


class Status(_Base, frozen=True):
    """What the server said of a folder when it was selected."""

    uidnext: _Count | None = None
    exists: _Count | None = None
    modseq: _Count | None = None


class Window(_Base, frozen=True):
    """A closed window of keys, and which of them the server lists: UID ranges or text keys."""

    low: Key
    high: Key
    ranges: Annotated[list[tuple[_Uid, _Uid]], Meta(max_length=MAX_RANGES)] = []
    keys: Annotated[list[_TextKey], Meta(max_length=MAX_TEXT_KEYS)] = []

    def listed(self) -> list[int] | list[str]:
        """All listed keys, in the order given."""
        if self.keys:
            return list(self.keys)
        return [uid for low, high in self.ranges for uid in range(low, high + 1)]


class Digest(_Base, frozen=True, array_like=True):
    """What identifies a mail on the server without its body."""

    key: Key
    size: _Count
    header_sha256: _Hash


class Sample(_Base, frozen=True, array_like=True):
    """What the store holds of a key, for the provider to compare with the server."""

    key: Key
    size: _Count
    message_id: _Text


class InFolder(Request, frozen=True, kw_only=True):
    """A request about one folder of one mailbox."""

    mailbox: _Name
    epoch: _Count
    folder: _Folder
    uidvalidity: _Count
    #: Given by the first offer's answer; rises when the server gave UIDs anew without saying so.
    generation: _Count | None = None


class Offer(InFolder, frozen=True, tag="OFFER", kw_only=True):
    """What the server lists in one window; the answer says what is wanted of it."""

    #: None asks only whether anything changed since the last receipt.
    window: Window | None = None
    status: Status = Status()
    digests: Annotated[list[Digest], Meta(max_length=MAX_WANTED)] = []
    #: The generation in which the samples did not match.
    renumbered: _Count | None = None


class Upload(_Base, frozen=True):
    """A mail that went ahead in parts."""

    id: _Id
    size: _Count
    sha256: _Hash


class Item(_Base, frozen=True):
    """One mail of a push; without bytes, why there are none."""

    key: Key
    #: Bytes as the server told.
    size: _Count = 0
    #: Bytes in the body frame.
    length: _Count = 0
    upload: Upload | None = None
    #: "" for a mail; else refused, gone or too_big.
    outcome: Annotated[str, Meta(pattern=r"^(refused|gone|too_big)?\Z")] = ""
    reason: _Text = ""


class Push(InFolder, frozen=True, tag="PUSH", kw_only=True):
    """Mails, one after another in the body frame."""

    items: Annotated[list[Item], Meta(min_length=1, max_length=MAX_BATCH_ITEMS)]


class Part(Request, frozen=True, tag="PART", kw_only=True):
    """A piece of a mail too large for one message; the body frame is the piece."""

    upload: _Id
    offset: _Count


class PassWindow(_Base, frozen=True):
    """One window of the listing that a pass went over."""

    pass_id: _Id
    index: _Count
    last: bool
    window: Window | None
    status: Status = Status()
    #: Seconds since the pass began.
    took: _Seconds = 0.0


class Pass(InFolder, frozen=True, tag="PASS", kw_only=True):
    """The end of a pass over a folder, or the sign of life of a waiting source."""

    window: PassWindow | None = None
    #: Why the source cannot be read at present.
    error: _Text = ""
    #: Ids of the tasks that were carried out, with what to say of them.
    done: Annotated[list[tuple[_Count, _Text]], Meta(max_length=100)] = []


AnyRequest = Hello | Offer | Push | Part | Pass


class Reply(_Base, frozen=True):
    """An answer; `id` is the request's."""

    id: str = ""


class Limits(_Base, frozen=True):
    """What a provider must keep to; sizes in bytes."""

    batch_items: int = 100
    batch_bytes: int = 4 * 1024 * 1024
    part_bytes: int = MAX_PART
    mail_bytes: int = 150 * 1024 * 1024


class HelloReply(Reply, frozen=True, kw_only=True):
    """What the source must know before its first pass."""

    epoch: int
    storage: str
    limits: Limits = Limits()


class OfferReply(Reply, frozen=True):
    """Which of the offered keys are wanted."""

    #: Newest first.
    wanted: Annotated[list[Key], Meta(max_length=MAX_WANTED)] = []
    #: More of this window is wanted: offer it again when these are pushed.
    more: bool = False
    #: The highest UID held, a hint.
    last: int = 0
    generation: int = 0
    #: Send the digests of the wanted keys before any body.
    rematch: bool = False
    #: Nothing changed since the last receipt: the listing may be skipped.
    unchanged: bool = False
    samples: list[Sample] = []
    #: Seconds until a failed item is due for another try.
    due: float | None = None


class ItemReply(_Base, frozen=True):
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


class Task(_Base, frozen=True):
    """Something that the source shall do, claimed from the API."""

    id: int
    kind: str
    #: What to act on: a folder, a key.
    target: dict[str, Any] = {}


class Receipt(_Base, frozen=True):
    """What the API counted over the listed set of one pass."""

    listed: int
    stored: int
    quarantined: int
    refused: int
    too_big: int
    missing: int
    gone: int


class PassReply(Reply, frozen=True):
    """What the API made of a pass, and what it wants done."""

    receipt: Receipt | None = None
    tasks: list[Task] = []
    due: float | None = None


class Retry(Reply, frozen=True, tag_field="status", tag="retry", kw_only=True):
    """Not now: nothing was decided, send it again after so many seconds."""

    after: float
    reason: str


class Refusal(Reply, frozen=True, tag_field="status", tag="error", kw_only=True):
    """The request is wrong as it stands: mend it, do not resend it."""

    code: str
    message: str


AnyReply = HelloReply | OfferReply | PushReply | PartReply | PassReply | Retry | Refusal
REPLY_TYPES: dict[type[Request], type[Reply]] = {
    Hello: HelloReply,
    Offer: OfferReply,
    Push: PushReply,
    Part: PartReply,
    Pass: PassReply,
}


class Envelope(NamedTuple):
    """A request as it stood in the frames."""

    id: str
    request: AnyRequest
    body: memoryview

    def bodies(self) -> Iterator[tuple[Item, memoryview]]:
        """Each item of a push with its bytes, a view into the body frame."""
        start = 0
        for item in self.request.items if isinstance(self.request, Push) else ():
            yield item, self.body[start : start + item.length]
            start += item.length


def pack(value: Any) -> bytes:
    """Encode plain Python values as msgpack."""
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def unpack(data: bytes | memoryview, *, longest: int = 64 * 1024, most: int = 20_000) -> Any:
    """Decode untrusted msgpack; `longest` bounds texts in bytes, `most` arrays and maps in items.

    Raises WireError for whatever is not plain, whole and within the bounds.
    """
    try:
        return msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            max_str_len=longest,
            max_bin_len=longest,
            max_array_len=most,
            max_map_len=min(most, 1_000),
            max_ext_len=0,
        )
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as e:
        raise WireError(f"not a msgpack value within the bounds: {e or type(e).__name__}") from e


def encode_request(request: AnyRequest, body: Sequence[bytes | memoryview] = ()) -> list[bytes]:
    """Return the frames of a request; its id depends on nothing but its content."""
    fields = msgspec.to_builtins(request)
    joined = b"".join(body)
    digest = blake2b(pack(fields), digest_size=16)
    digest.update(joined)
    return _frames({"id": digest.hexdigest(), **fields}, joined)


def encode_reply(reply: AnyReply, request_id: str) -> list[bytes]:
    """Return the frames of the reply to the request of that id."""
    return _frames({"status": "ok", **msgspec.to_builtins(reply), "id": request_id}, b"")


def _frames(header: dict[str, Any], body: bytes) -> list[bytes]:
    packed = pack(header)
    if len(packed) > MAX_HEADER or len(packed) + len(body) > MAX_MESSAGE:
        raise WireError(f"a message of {len(packed)} + {len(body)} bytes is over the limit")
    return [VERSION, packed, body]


def decode_request(frames: Sequence[bytes | memoryview]) -> Envelope:
    """Raise WireError for frames that are not one whole, bounded and consistent request."""
    packed, body = _header(frames)
    name = _decode(_IDENTITY, packed, "a header with an id").id
    request = _decode(_REQUEST, packed, "a request", name)
    try:
        _check(request, len(body))
    except ValueError as e:
        raise WireError(str(e), name) from e
    return Envelope(name, request, body)


R = TypeVar("R", bound=Reply)


def decode_reply(frames: Sequence[bytes | memoryview], expected: type[R]) -> R | Retry | Refusal:
    """Read a reply of the expected type, or the Retry or Refusal that came instead."""
    packed, _ = _header(frames)
    status = _decode(_STATUS, packed, "a reply's header").status
    kind: Any = {"retry": Retry, "error": Refusal, "ok": expected}.get(status)
    if kind is None:
        raise WireError("a reply's status must be ok, retry or error")
    reply: R | Retry | Refusal = _decode(_decoder(kind), packed, "a reply")
    return reply


def request_id(frames: Sequence[bytes | memoryview]) -> str:
    """The id in the header of a request's frames; WireError where there is none."""
    packed, _ = _header(frames)
    found: str = _decode(_IDENTITY, packed, "a header with an id").id
    return found


def _header(frames: Sequence[bytes | memoryview]) -> tuple[memoryview, memoryview]:
    if len(frames) != FRAMES:
        raise WireError(f"a message has {FRAMES} frames, this one {len(frames)}")
    version, packed, body = frames
    if bytes(version[: len(VERSION) + 1]) != VERSION:
        raise WireError(f"the first frame must be {VERSION.decode()}")
    if len(packed) > MAX_HEADER or len(packed) + len(body) > MAX_MESSAGE:
        raise WireError(f"a message of {len(packed)} + {len(body)} bytes is over the limit")
    return memoryview(packed), memoryview(body)


def _decode(decoder: Any, packed: memoryview, what: str, request_id: str = "") -> Any:
    """Decode straight into the type: whatever the type has no room for is skipped, never built.

    A header of 2 MB can hold two million empty maps, which cost 130 MB as plain Python values.
    """
    try:
        return decoder.decode(packed)
    except (ValueError, RecursionError) as e:
        raise WireError(f"not {what}: {e}", request_id) from e


class _Identity(_Base, frozen=True):
    id: _Id


class _Status(_Base, frozen=True):
    status: Annotated[str, Meta(max_length=16)]


_IDENTITY = msgspec.msgpack.Decoder(_Identity)
_STATUS = msgspec.msgpack.Decoder(_Status)
_REQUEST: Any = msgspec.msgpack.Decoder(AnyRequest)


@cache
def _decoder(kind: type[Reply]) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)


def _check(request: AnyRequest, body: int) -> None:
    match request:
        case Push():
            _check_items(request.items, body)
        case Part():
            if not 0 < body <= MAX_PART:
                raise ValueError(f"a part has 1 to {MAX_PART} bytes, this one {body}")
        case Offer(window=Window() as window) | Pass(window=PassWindow(window=Window() as window)):
            _check_window(window)
    if not isinstance(request, Push | Part) and body:
        raise ValueError("this command has no body")


def _check_items(items: list[Item], body: int) -> None:
    told = sum(item.length for item in items)
    if told != body:
        raise ValueError(f"the items have {told} bytes together, the body {body}")
    if len({item.key for item in items}) != len(items):
        raise ValueError("a key stands twice in one push")
    for item in items:
        if bool(item.outcome) and (item.length or item.upload):
            raise ValueError(f"item {item.key} has an outcome and bytes")
        if item.upload and item.length:
            raise ValueError(f"item {item.key} has an upload and bytes")


def _check_window(window: Window) -> None:
    if type(window.low) is not type(window.high) or window.low > window.high:  # type: ignore[operator]
        raise ValueError("a window's low must not be above its high")
    if window.keys:
        _check_inside(window, min(window.keys), max(window.keys))
    if window.ranges:
        _check_ranges(window)


def _check_ranges(window: Window) -> None:
    if window.keys:
        raise ValueError("a window has ranges or keys, not both")
    if sum(high - low + 1 for low, high in window.ranges) > MAX_WINDOW:
        raise ValueError(f"a window lists at most {MAX_WINDOW} keys")
    above = 0
    for low, high in window.ranges:
        if not above < low <= high:
            raise ValueError("ranges must rise and not touch twice")
        above = high
    _check_inside(window, window.ranges[0][0], above)


def _check_inside(window: Window, lowest: Key, highest: Key) -> None:
    if type(lowest) is not type(window.low) or lowest < window.low or highest > window.high:  # type: ignore[operator]
        raise ValueError("a listed key lies outside the window")
