"""Frames to requests and replies, and back; opens no socket."""

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import blake2b
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from postroom.errors import WireError

from .checks import check
from .fields import FRAMES, MAX_HEADER, MAX_MESSAGE, VERSION, Base, Id
from .kinds import AnyReply, AnyRequest
from .packing import pack
from .replies import Refusal, Reply, Retry
from .requests import Item, Push


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
        check(request, len(body))
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


class _Identity(Base, frozen=True):
    id: Id


class _Status(Base, frozen=True):
    status: Annotated[str, Meta(max_length=16)]


_IDENTITY = msgspec.msgpack.Decoder(_Identity)
_STATUS = msgspec.msgpack.Decoder(_Status)
_REQUEST: Any = msgspec.msgpack.Decoder(AnyRequest)


@cache
def _decoder(kind: type[Reply]) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)
