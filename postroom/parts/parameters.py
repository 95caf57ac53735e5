"""Parameters of Content-Type and Content-Disposition (RFC 2045, 5.1; RFC 2231)."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

#: A word and the "=" behind it; possessive, so that a word without one costs its length once.
_WORD = re.compile(r"[\s;,]*+([^\s=;\"]*+)\s*+(=?)\s*+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)("?)')
#: An unquoted value ends at ";" or where the next parameter begins without one.
_NEXT = re.compile(r"(?<!\s)(?:\s*+;|\s++[\w*-]++=)")
_ESCAPE = re.compile(r"\\(.)")
_SECTION = re.compile(r"(.+?)\*(\d{1,4})?(\*)?$")
_COMMENT = re.compile(r"\s*\([^()]*\)\s*")
#: Characters of one header value, and sections of one split parameter, that are read.
MAX_VALUE = 65_536
MAX_SECTIONS = 1_000
#: Longer values, most of them with a boundary or a name, do not come twice.
SHORT = 60


class Parameter(NamedTuple):
    """A value as bytes in Latin-1 dress, and the charset that RFC 2231 names for it."""

    value: str
    charset: str = ""
    #: True when it was written in the form of RFC 2231.
    extended: bool = False


Parameters = Mapping[str, Parameter]


def parse(value: str) -> tuple[str, Parameters]:
    """Return the lower-case value before the first ";" and the parameters behind it."""
    return _parse_short(value) if len(value) <= SHORT else _parse(value[:MAX_VALUE])


def _parse(value: str) -> tuple[str, Parameters]:
    kind, _, rest = value.partition(";")
    if "(" in kind:
        kind = _COMMENT.sub(" ", kind)
    words = kind.split()
    if len(words) > 1 and "=" in words[1]:  # the semicolon is missing
        rest = f"{kind.split(None, 1)[1]};{rest}"
    first = words[0] if words else ""
    if "=" in first:  # parameters only: Content-Disposition: filename=x
        first, rest = "", value
    return first.strip("\"',").lower(), _joined(_pairs(rest)) if rest else {}


#: Few short values are most of all: "text/plain; charset=utf-8", "attachment".
_parse_short = lru_cache(maxsize=512)(_parse)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        word = _WORD.match(text, at)
        if word is None or word.end() == at:  # a stray quote
            at += 1
            continue
        at = word.end()
        if not word[2] or not word[1]:
            continue
        quoted = _QUOTED.match(text, at)
        if quoted and quoted[2]:
            at = quoted.end()
            yield word[1].lower(), _ESCAPE.sub(_unescape, quoted[1])
            continue
        end = _NEXT.search(text, at)
        stop = end.start() if end else len(text)
        yield word[1].lower(), text[at:stop].strip().strip('"')
        at = stop


def _unescape(match: re.Match[str]) -> str:
    # A backslash before a letter is a path of old Windows mailers, not an escape.
    return match[1] if match[1] in '"\\' else match[0]


def _joined(pairs: Iterator[tuple[str, str]]) -> Parameters:
    """Put sections together; the first of equal names counts, the extended form before it."""
    plain: dict[str, Parameter] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in pairs:
        match = _SECTION.match(name) if "*" in name else None
        if match is None:
            plain.setdefault(name, Parameter(value))
        else:
            parts = sections.setdefault(match[1], {})
            if len(parts) < MAX_SECTIONS:
                parts.setdefault(int(match[2] or 0), (value, bool(match[3]) or not match[2]))
    for name, parts in sections.items():
        plain[name] = _extended(parts)
    return plain


def _extended(sections: dict[int, tuple[str, bool]]) -> Parameter:
    charset = ""
    decoded = []
    for index, (number, (value, encoded)) in enumerate(sorted(sections.items())):
        text = value
        if index == 0 and number in {0, 1} and encoded and value.count("'") >= 2:
            charset, _, text = value.split("'", 2)
        decoded.append(_unescaped(text) if encoded else text)
    return Parameter("".join(decoded), charset, extended=True)


def _unescaped(text: str) -> str:
    return unquote_to_bytes(text.encode("latin-1")).decode("latin-1")
