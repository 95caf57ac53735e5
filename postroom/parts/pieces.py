"""A transfer encoding undone piece by piece, for what is too large to be in memory twice.

Where a part may be read in several ways, each is tried from the start: a reading that does not fit
raises ValueError, and what it gave until then is to be forgotten. The last one always fits.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from postroom.parts import transfer

PIECE = 1 << 20

_LINE_END = re.compile(rb"\r\n|\r|\n")
_WORD = re.compile(rb"\S+")
#: The same as transfer.BASE64_LINE, of a line with spaces around it.
_BASE64_LINE = re.compile(rb"[ \t\f\v]*+([A-Za-z0-9+/]++(?:={1,2}|(?=\s*+\Z)))")
_ESCAPE_SIZE = 3


class Span(NamedTuple):
    """A part of a buffer, without a copy of it."""

    source: bytes
    start: int
    end: int

    def __bytes__(self) -> bytes:
        return self.source[self.start : self.end]

    @property
    def size(self) -> int:
        """Bytes of it."""
        return self.end - self.start

    def pieces(self) -> Iterator[bytes]:
        """The bytes, some at a time."""
        for at in range(self.start, self.end, PIECE):
            yield self.source[at : min(at + PIECE, self.end)]

    def blocks(self) -> Iterator["Span"]:
        """The same, cut where lines end; a line that is longer than a piece stands alone."""
        source, at, end = self
        while at < end:
            most = min(at + PIECE, end)
            cut = max(source.rfind(b"\n", at, most), source.rfind(b"\r", at, most)) + 1
            if most == end or not cut:
                line_end = _LINE_END.search(source, most, end)
                cut = line_end.end() if line_end else end
            elif source.startswith(b"\r\n", cut - 1):
                cut += 1
            yield Span(source, at, cut)
            at = cut

    def lines(self) -> Iterator[bytes]:
        """What bytes.splitlines gives, as much of each as a piece has."""
        for block in self.blocks():
            if block.size > PIECE + 1:
                yield self.source[block.start : block.start + PIECE]
            else:
                yield from bytes(block).splitlines()


#: Takes a span and the set of defects, gives what is in it.
Reading = Callable[[Span, set[str]], Iterator[bytes]]


def readings(encoding: str) -> Sequence[Reading]:
    """Return the ways to undo an encoding, in the order in which they are tried."""
    return _READINGS.get(encoding, (_plain,))


def _plain(span: Span, defects: set[str]) -> Iterator[bytes]:
    return span.pieces()


def _quoted_printable(span: Span, defects: set[str]) -> Iterator[bytes]:
    source, at, end = span
    while at < end:
        most = min(at + PIECE, end)
        # Behind a line end nothing is left over of an escape.
        cut = most if most == end else source.rfind(b"\n", at, most) + 1
        if not cut:
            cut = _between_escapes(source, at, most)
        yield transfer.decode_quoted_printable(source[at:cut])
        at = cut


def _between_escapes(source: bytes, at: int, most: int) -> int:
    """Return where a line that is longer than a piece can be cut."""
    sign = source.rfind(b"=", at + 1, most)
    is_open = sign > 0 and (most - sign < _ESCAPE_SIZE or not source[sign + 1 : most].strip(b" \t"))
    safe = at + len(source[at:sign].rstrip(b"= \t"))
    return safe if is_open and safe > at else most


def _sound_base64(span: Span, defects: set[str]) -> Iterator[bytes]:
    return transfer.sound_base64(span.pieces(), b"\r\n")


def _spaced_base64(span: Span, defects: set[str]) -> Iterator[bytes]:
    return transfer.sound_base64(span.pieces(), transfer.WHITE)


def _base64_lines(span: Span, defects: set[str]) -> Iterator[bytes]:
    defects.add("bad_base64")
    sound = filter(None, chain.from_iterable(map(_base64_block, span.blocks())))
    first = next(sound, None)
    if first is None:
        raise ValueError("no line is base64")
    yield from transfer.base64_runs(_gathered(chain([first], sound)))


def _base64_block(block: Span) -> Iterator[bytes]:
    """Yield what is base64 of each line of a block."""
    if block.size > PIECE + 1:
        line = _BASE64_LINE.match(*block)
        yield from Span(block.source, *line.span(1)).pieces() if line else ()
        return
    for short in bytes(block).splitlines():
        if found := transfer.BASE64_LINE.match(short.strip()):
            yield found[0]


def _base64_letters(span: Span, defects: set[str]) -> Iterator[bytes]:
    letters = sum(len(piece.translate(None, transfer.NOT_BASE64)) for piece in span.pieces())
    if letters % 4 or _is_prose(span):
        return span.pieces()
    return transfer.base64_runs(
        piece.translate(None, transfer.NOT_BASE64) for piece in span.pieces()
    )


def _is_prose(span: Span) -> bool:
    """Tell whether there are more words than lines."""
    lines = sum(1 for _ in span.lines())
    words = _WORD.finditer(*span)
    return next(islice(words, lines, None), None) is not None


def _gathered(short: Iterable[bytes]) -> Iterator[bytes]:
    """Join short strings to pieces."""
    gathered: list[bytes] = []
    size = 0
    for one in short:
        if size >= PIECE:
            yield b"".join(gathered)
            gathered, size = [], 0
        gathered.append(one)
        size += len(one)
    yield b"".join(gathered)


def _uuencoded(span: Span, defects: set[str]) -> Iterator[bytes]:
    begin = transfer.UU_BEGIN.search(span.source, span.start, span.end)
    if begin is None:
        defects.add("bad_uuencode")
        return span.pieces()
    return uuencoded_lines(span._replace(start=begin.end()), defects)


def uuencoded_lines(span: Span, defects: set[str]) -> Iterator[bytes]:
    """Decode the lines after "begin" up to "end"."""
    return _gathered(transfer.decode_uu_lines(span.lines(), defects))


_READINGS: dict[str, Sequence[Reading]] = {
    "base64": (_sound_base64, _spaced_base64, _base64_lines, _base64_letters),
    "quoted-printable": (_quoted_printable,),
    "uuencode": (_uuencoded,),
}
