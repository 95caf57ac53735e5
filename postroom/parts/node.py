"""One part of a mail: a view into the raw bytes (RFC 2045)."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

from postroom.parts import parameters, transfer
from postroom.parts.fields import Head
from postroom.parts.parameters import Parameters

#: Contents over so many bytes are read in pieces where only their hash is asked for.
LARGE = 1 << 20
PIECE = 1 << 20

_MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+")


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
        return transfer.decode(self.source[self.start : self.end], self.encoding, defects)

    def measure(self, defects: set[str]) -> tuple[int, str]:
        """Return size and hex SHA-256 of the content; a large one is never in memory whole."""
        if self.end - self.start > LARGE and self.encoding in {"", "base64"}:
            # What is not sound is mended as a whole.
            with suppress(ValueError):
                return self._measure_in_pieces()
        content = self.content(defects)
        return len(content), sha256(content).hexdigest()

    def _measure_in_pieces(self) -> tuple[int, str]:
        size, digest = 0, sha256()
        raw = (
            self.source[at : min(at + PIECE, self.end)] for at in range(self.start, self.end, PIECE)
        )
        for piece in transfer.base64_in_pieces(raw) if self.encoding else raw:
            size += len(piece)
            digest.update(piece)
        return size, digest.hexdigest()

    def walk(self) -> Iterator["Node"]:
        """Yield this part and all below it, in the order of the mail."""
        yield self
        for part in self.parts:
            yield from part.walk()


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
