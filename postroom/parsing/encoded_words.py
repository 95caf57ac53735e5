"""Header text: RFC 2047 in the forms that mail has had, and raw bytes (RFC 6532)."""

import binascii
import re
from typing import NamedTuple

from postroom.parsing import charsets
from postroom.parsing.charsets import Decoder
from postroom.parts import transfer

_WORD = re.compile(
    r"=\?\s*([\w.:+*()-]{1,75})\s*\?\s*([bBqQ])\s*\?(.*?)"
    r"(?:\?=|\?\s*$|$|(?==\?[\w.:+*-]{1,75}\?[bBqQ]\?))"
)
_SPACES = re.compile(r"[\s\x00-\x1f]+")


class _Word(NamedTuple):
    charset: str
    encoding: str
    text: str


def decode(value: str, decoder: Decoder) -> str:
    """Return the text of a header value that is given in Latin-1 dress."""
    if "=?" not in value:
        return plain(value, decoder)
    found: list[str] = []
    words: list[_Word] = []
    at = 0
    for match in _WORD.finditer(value):
        between = value[at : match.start()]
        if not words or (between and not between.isspace()):
            _flush(words, found, decoder)
            found.append(plain(between, decoder, strip=False))
        if not match[0].endswith("?="):
            decoder.defects.add("broken_encoded_word")
        words.append(_Word(match[1].partition("*")[0], match[2].lower(), match[3]))
        at = match.end()
    _flush(words, found, decoder)
    found.append(plain(value[at:], decoder, strip=False))
    return tidy("".join(found))


def plain(value: str, decoder: Decoder, *, strip: bool = True) -> str:
    """Return text without encoded words; bytes beyond ASCII are UTF-8 or what they look like."""
    if "\x1b$" in value:  # ISO-2022 without the encoded word that it should stand in
        value = decoder.decode(value.encode("latin-1", "replace"), "")
    elif not value.isascii():
        raw = value.encode("latin-1", "replace")
        try:
            value = raw.decode()
        except UnicodeDecodeError:
            decoder.defects.add("raw_header_bytes")
            value = decoder.decode(raw, "")
    return tidy(value) if strip else value


def tidy(text: str) -> str:
    """Leave one line: a line break or NUL in a decoded word must not become one in a header."""
    text = text.strip()
    if text.isprintable():
        return text
    return charsets.clean(_SPACES.sub(" ", text).strip())


def _flush(words: list[_Word], found: list[str], decoder: Decoder) -> None:
    """Decode words that stand together: characters may be split across them."""
    at = 0
    while at < len(words):
        end = at + 1
        while end < len(words) and words[end].charset.lower() == words[at].charset.lower():
            end += 1
        data = _bytes(words[at:end], decoder.defects)
        found.append(decoder.decode(data, words[at].charset))
        at = end
    words.clear()


def _bytes(words: list[_Word], defects: set[str]) -> bytes:
    decoded = []
    held = ""
    for word in words:
        if word.encoding == "b":
            held += word.text
            # Base64 that was cut anywhere goes on in the next word.
            if len(held) % 4 == 0 or held.endswith("="):
                decoded.append(_unbase64(held, defects))
                held = ""
            continue
        decoded += [_unbase64(held, defects), _unquote(word.text)]
        held = ""
    return b"".join([*decoded, _unbase64(held, defects)])


def _unbase64(text: str, defects: set[str]) -> bytes:
    return transfer.decode_base64(text.encode("latin-1"), defects) if text else b""


def _unquote(text: str) -> bytes:
    return binascii.a2b_qp(text.encode("latin-1"), header=True)
