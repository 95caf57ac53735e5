"""Bodies in and out, JSON or msgpack as the caller says."""

import hashlib
from typing import Any, TypeVar

import msgspec
from flask import Response, request

from postroom import wire
from postroom.errors import RefusedError

MSGPACK = "application/msgpack"
JSON = "application/json"
#: Bytes of one request body.
MAX_BODY = 64 * 1024 * 1024
T = TypeVar("T", bound=msgspec.Struct)


def body() -> Any:
    """The request's body as plain values; RefusedError says what is wrong with it."""
    if request.mimetype == MSGPACK:
        return wire.unpack(request.get_data(), longest=MAX_BODY, most=200_000)
    if request.mimetype == JSON:
        try:
            return msgspec.json.decode(request.get_data())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
            raise RefusedError("bad_body", f"the body is not JSON: {e}") from e
    raise RefusedError("unsupported_type", f"send {JSON} or {MSGPACK} as Content-Type")


def body_as(kind: type[T], **more: Any) -> T:
    """The body as a Struct of that kind; `more` are fields that the address gives."""
    value = body()
    if not isinstance(value, dict):
        raise RefusedError("bad_body", "the body must be an object")
    try:
        return msgspec.convert({**value, **more}, kind)
    except msgspec.ValidationError as e:
        raise RefusedError("bad_body", str(e)) from e


def answer(value: Any, status: int = 200) -> Response:
    """Plain values, Structs or both, in the form that the caller takes."""
    best = request.accept_mimetypes.best_match([JSON, MSGPACK], JSON)
    if best == MSGPACK:
        return Response(wire.pack(msgspec.to_builtins(value)), status, content_type=MSGPACK)
    return Response(msgspec.json.encode(value), status, content_type=JSON)


def single(value: Any) -> Response:
    """One thing, with an ETag of what is told of it; 304 to who has it already."""
    response = answer(value)
    tag = hashlib.sha256(response.get_data()).hexdigest()[:32]
    # Weak: compressed or not, it is the same.
    response.set_etag(tag, weak=True)
    if request.if_none_match.contains_weak(tag):
        response.set_data(b"")
        response.status_code = 304
        del response.headers["Content-Type"]
    return response
