"""A header block, as fields in order."""

import re
from typing import NamedTuple

#: Bytes that one header block may have; the rest of a longer one is left unread.
MAX_HEAD = 1 << 20
#: Fields that one header block may have.
MAX_FIELDS = 2_000

#: The empty line; "\r\r\n" is what a doubled translation of line ends leaves behind.
_EMPTY_LINE = re.compile(rb"\n\r*\n")
_LEADING_LINES = re.compile(rb"[\r\n]*")
_MBOX_LINE = re.compile(rb">?From (?! *:)[^\n]*(?:\n|$)")
_LINE = re.compile(rb"[^\n]*(?:\n|$)")
_BEGINS_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
#: Stricter, for the line after a stray one: "http://" and "12:30" begin sentences too.
_BEGINS_PLAIN_FIELD = re.compile(rb"[A-Za-z][A-Za-z0-9-]*:(?:[ \t\r\n]|$)")
_FOLD = re.compile(r"\n[ \t]+")
# The look-behinds keep long runs linear: only the first of a run is a place to begin.
_TRAILING_SPACES = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)
_FIELD = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*(.*)$", re.MULTILINE)
_CR_BEFORE_LINE_END = re.compile(r"(?<!\r)\r+\n")
_FIELD_AFTER_CR = re.compile(r"\r(?=[ \t]|[A-Za-z][A-Za-z0-9-]*:)")


class Head(NamedTuple):
    """What stands above a body."""

    #: Unfolded (name, value) pairs; each character is one byte of the mail (Latin-1).
    fields: list[tuple[str, str]]
    body: int
    #: True when there is nothing to decode: printable ASCII without encoded words.
    is_plain: bool = True


def read_head(buffer: bytes, start: int, end: int, defects: set[str]) -> Head:
    """Read the fields between `start` and the empty line, or as far as there are fields."""
    if (mbox := _MBOX_LINE.match(buffer, start, end)) is not None:
        start = mbox.end()
    if buffer[start : start + 1] in b"\n" or buffer.startswith(b"\r\n", start):
        return Head([], min(end, buffer.find(b"\n", start) + 1 or end))
    empty = _EMPTY_LINE.search(buffer, start, end)
    stop, body = (empty.start() + 1, empty.end()) if empty else (end, end)
    if stop - start > MAX_HEAD:
        defects.add("head_too_long")
        stop = start + MAX_HEAD
    text = _unfolded(buffer[start:stop])
    fields: list[tuple[str, str]] = _FIELD.findall(text)
    if len(fields) != text.count("\n") + 1:
        sound, length = _sound_lines(buffer[start:stop], defects)
        body = start + length if length < stop - start else body
        text = _unfolded(sound)
        fields = _FIELD.findall(text)
    if len(fields) > MAX_FIELDS:
        defects.add("too_many_fields")
        del fields[MAX_FIELDS:]
    is_plain = text.isascii() and "=?" not in text and text.replace("\n", "").isprintable()
    return Head(fields, body, is_plain)


def begins_field(buffer: bytes, start: int) -> bool:
    """Tell whether a header field or an mbox line stands at `start`."""
    return bool(_BEGINS_FIELD.match(buffer, start) or _MBOX_LINE.match(buffer, start))


def skip_leading_lines(buffer: bytes, defects: set[str]) -> int:
    """Return where the mail begins: behind empty lines that a header follows."""
    match = _LEADING_LINES.match(buffer)
    start = match.end() if match else 0
    if start and _BEGINS_FIELD.match(buffer, start):
        defects.add("leading_empty_lines")
        return start
    return 0


def _unfolded(block: bytes) -> str:
    text = block.decode("latin-1")
    if "\r" in text:
        text = _without_cr(text)
    text = _FOLD.sub(" ", text.rstrip("\n"))
    return _TRAILING_SPACES.sub("", text) if " \n" in text or "\t\n" in text else text


def _without_cr(text: str) -> str:
    text = text.replace("\r\n", "\n")
    if "\r" in text:
        text = _CR_BEFORE_LINE_END.sub("\n", text).rstrip("\r")
        text = _FIELD_AFTER_CR.sub("\n", text).replace("\r", " ")
    return text


def _sound_lines(block: bytes, defects: set[str]) -> tuple[bytes, int]:
    """Return the lines that are fields, and how long the header really is.

    One stray line amid fields is dropped; at any other the body has begun without an empty line.
    """
    sound: list[bytes] = []
    at = 0
    while at < len(block):
        line = _LINE.match(block, at)
        after = line.end() if line else len(block)
        if _BEGINS_FIELD.match(block, at) or (sound and block[at : at + 1] in b" \t"):
            sound.append(block[at:after])
        elif _BEGINS_PLAIN_FIELD.match(block, after) and after < len(block):
            defects.add("stray_header_line")
        else:
            defects.add("missing_header_end")
            break
        at = after
    return b"".join(sound), at
