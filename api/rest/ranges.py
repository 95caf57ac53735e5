"""Bytes sent whole or in part (RFC 9110, section 14: one range, `If-Range`, `If-None-Match`)."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import BinaryIO, NamedTuple

from flask import Response, request

from .problems import guarded, problem

CHUNK = 256 * 1024
_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]{0,20})\s*-\s*([0-9]{0,20})\s*", re.I)


class Span(NamedTuple):
    """Bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int


def span(text: str, size: int) -> Span | None:
    """What a Range header asks for; None where it is to be ignored, an empty Span where nothing is.

    Several ranges at once are ignored, as the RFC allows: nobody needs them of a mail.
    """
    match = _RANGE.fullmatch(text)
    if match is None or match[1] == match[2] == "":
        return None
    if not match[1]:
        length = int(match[2])
        if length and not size:
            return None
        return Span(max(0, size - length), size)
    first = int(match[1])
    last = int(match[2]) if match[2] else size
    if last < first:
        return None
    return Span(min(first, size), min(last + 1, size))


def send(
    size: int, tag: str, read: Callable[[int, int], BinaryIO], headers: Mapping[str, str], kind: str
) -> Response:
    """Answer with the bytes that the request wants; `read` takes a start and a length."""
    told = {**headers, "ETag": f'"{tag}"', "Accept-Ranges": "bytes"}
    if request.if_none_match.contains_weak(tag):
        return Response(status=304, headers=told)
    wanted = span(request.headers.get("Range", ""), size) if _is_meant(tag) else None
    if wanted is None:
        return _stream(read(0, size), Span(0, size), told, 200, kind)
    if wanted.start >= wanted.stop:
        text = f"the range lies outside of the {size} bytes that there are"
        return problem(416, "bad_range", text, {"Content-Range": f"bytes */{size}"})
    told["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    return _stream(read(wanted.start, wanted.stop - wanted.start), wanted, told, 206, kind)


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """All that is left of a stream, in pieces."""
    return iter(partial(stream.read, CHUNK), b"")


def _is_meant(tag: str) -> bool:
    """Whether If-Range, where there is one, names these very bytes; a date never does."""
    named = request.headers.get("If-Range")
    return named is None or named.strip() == f'"{tag}"'


def _stream(
    stream: BinaryIO, sent: Span, headers: Mapping[str, str], status: int, kind: str
) -> Response:
    told = {**headers, "Content-Length": str(sent.stop - sent.start)}
    response = Response(guarded(chunks(stream)), status, told, content_type=kind)
    response.call_on_close(stream.close)
    return response
