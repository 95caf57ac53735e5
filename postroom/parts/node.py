"""One part of a mail: a view into the raw bytes (RFC 2045)."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple, TypeVar

from postroom.memory import joined
from postroom.parts import parameters, transfer
from postroom.parts.fields import Head
from postroom.parts.parameters import Parameters
from postroom.parts.pieces import Span, readings

#: Larger parts are read in pieces.
LARGE = 1 << 20
#: What an uuencoded file within a text begins with, and its length at the most.
_MARK = re.compile(rb"begin [0-7]{3,4} ")
_MARK_SIZE = 11

_Taken = TypeVar("_Taken")

_MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+")


class Measures(NamedTuple):
    """What can be told of a content without keeping it."""

    size: int
    sha256: str
    #: Whether an uuencoded file may stand in it.
    marked: bool


@dataclass(slots=True, eq=False)
class Node:
    """One part: a leaf with bytes, a multipart with parts, or a mail within the mail."""

    path: str
    #: What the paths of its own parts begin with.
    prefix: str
    head: Head
    #: The names of the fields, in lower case.
    names: list[str]
    #: The first value of each name.
    headers: dict[str, str]
    type: str
    parameters: Parameters
    source: bytes
    start: int
    end: int
    depth: int
    parts: list["Node"] = field(default_factory=list)
    #: Set on a multipart whose delimiters were found.
    boundary: bytes = b""

    @property
    def encoding(self) -> str:
        """The transfer encoding by its plain name, "" for none."""
        value = self.headers.get("content-transfer-encoding")
        return transfer.encoding_of(value) if value else ""

    @property
    def is_message(self) -> bool:
        """Whether this part is a mail of its own."""
        return self.type in _MESSAGES

    def content(self, defects: set[str]) -> bytes:
        """Return the bytes of the part, its transfer encoding undone."""
        return self._read(_joined, defects)

    def measure(self, defects: set[str]) -> Measures:
        """Return what can be told of the content; a large one is never in memory whole."""
        return self._read(measured, defects)

    @property
    def span(self) -> Span:
        """Where the part lies, still encoded."""
        return Span(self.source, self.start, self.end)

    def _read(self, take: Callable[[Iterable[bytes]], _Taken], defects: set[str]) -> _Taken:
        if self.end - self.start <= LARGE:
            return take([transfer.decode(bytes(self.span), self.encoding, defects)])
        *first, last = readings(self.encoding)
        for read in first:
            with suppress(ValueError):
                return take(read(self.span, defects))
        return take(last(self.span, defects))

    def walk(self) -> Iterator["Node"]:
        """Yield this part and all below it, in the order of the mail."""
        yield self
        for part in self.parts:
            yield from part.walk()


def _joined(pieces: Iterable[bytes]) -> bytes:
    if isinstance(pieces, list) and len(pieces) == 1:
        return bytes(pieces[0])
    return joined(pieces)


def has_mark(text: Span) -> bool:
    """Tell at little cost whether an uuencoded file may stand in a text."""
    # To search for fixed bytes is much faster.
    at = text.source.find(b"begin ", text.start, text.end)
    return at >= 0 and _MARK.search(text.source, at, text.end) is not None


def measured(pieces: Iterable[bytes]) -> Measures:
    """Size, hash and mark of a content in pieces."""
    size, digest, marked, tail = 0, sha256(), False, b""
    for piece in pieces:
        size += len(piece)
        digest.update(piece)
        # The mark may lie across several pieces.
        edge = tail + piece[:_MARK_SIZE]
        marked = marked or any(has_mark(Span(text, 0, len(text))) for text in (edge, piece))
        tail = (tail + piece[-_MARK_SIZE:])[-_MARK_SIZE:]
    return Measures(size, digest.hexdigest(), marked)


def type_of(
    names: list[str], head: Head, default: str, defects: set[str]
) -> tuple[str, Parameters]:
    """Return the type of a part; of several, the first that can be used."""
    found = [head.fields[at][1] for at, name in enumerate(names) if name == "content-type"]
    if not found:
        return default, {}
    if len({parameters.parse(value)[0] for value in found}) > 1:
        # Whatever is chosen, another reader may show another mail.
        defects.add("bad_content_type")
    for value in found:
        kind, options = parameters.parse(value)
        if _usable(kind, options):
            return kind, options
        defects.add("bad_content_type")
    kind, options = parameters.parse(found[0])
    return (kind if _TYPE.fullmatch(kind) else default), options


def _usable(kind: str, options: Parameters) -> bool:
    if kind.startswith("multipart/") and "boundary" not in options:
        return False
    return _TYPE.fullmatch(kind) is not None
