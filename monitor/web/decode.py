"""Compressed bodies, unpacked piece by piece: a bomb is seen before it has grown."""

import zlib
from collections.abc import Iterable, Iterator

from postroom.errors import SourceError

#: What is asked for.
ACCEPTED = "gzip, deflate"
_PIECE = 65_536
_GZIP = 16 + zlib.MAX_WBITS


class TruncatedError(Exception):
    """The compressed bytes end too early."""


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The bytes that a Content-Encoding stands for, in pieces of at most 64 KB."""
    match encoding.strip().lower():
        case "" | "identity":
            yield from pieces
        case "gzip" | "x-gzip":
            yield from _inflated(pieces, _GZIP)
        case "deflate":
            yield from _inflated(pieces, zlib.MAX_WBITS)
        case other:
            raise SourceError(f"the server compresses in a way that nobody asked for: {other!r}")


def _inflated(pieces: Iterable[bytes], bits: int) -> Iterator[bytes]:
    unpack, began = zlib.decompressobj(bits), False
    for piece in pieces:
        rest = piece
        while rest:
            if unpack.eof:
                # Another member (RFC 1952, 2.2), or padding.
                rest = rest.lstrip(b"\0")
                if bits != _GZIP or not rest.startswith(b"\x1f"):
                    return
                unpack = zlib.decompressobj(bits)
            try:
                yield unpack.decompress(rest, _PIECE)
            except zlib.error as e:
                if began or bits == _GZIP:
                    raise SourceError(f"the body cannot be unpacked: {e}") from e
                # "deflate" is zlib by the standard, and bare by custom.
                bits, unpack = -zlib.MAX_WBITS, zlib.decompressobj(-zlib.MAX_WBITS)
                continue
            began = True
            rest = unpack.unconsumed_tail or unpack.unused_data
    if began and not unpack.eof:
        raise TruncatedError
