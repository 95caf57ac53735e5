"""Where a query's words stand in the texts themselves, marked."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from .fold import RUNS, plain
from .querytree import Words

#: Characters of a piece of text, and of them before the first hit.
LENGTH = 200
BEFORE = 60
#: Characters that are looked through.
SEARCHED = 50_000
Piece = tuple[str, bool]

# What a word is made of, apart from scripts without spaces, in which any place begins a word.
_LETTER = rf"(?![{RUNS}])[^\W_]"
_PARTS = re.compile(rf"[{RUNS}]+|(?:{_LETTER})+")
_BETWEEN = r"[\W_]*"


class _Plain(dict[int, str]):
    """Each character as search sees it, looked up once."""

    def __missing__(self, code: int) -> str:
        self[code] = plain(chr(code))
        return self[code]


_PLAIN = _Plain()


def pattern(words: Iterable[Words]) -> re.Pattern[str] | None:
    """What finds the words in plain text; None where there is nothing to find."""
    needles = sorted({needle for each in words if (needle := _needle(each))}, key=len)
    # Of two that begin alike the longer is marked.
    return re.compile("|".join(reversed(needles))) if needles else None


def _needle(words: Words) -> str:
    parts = _PARTS.findall(plain(words.text))
    if not parts:
        return ""
    begins = "" if re.match(f"[{RUNS}]", parts[0]) else f"(?<!{_LETTER})"
    ends = "" if words.prefix or re.match(f"[{RUNS}]", parts[-1]) else f"(?!{_LETTER})"
    return f"{begins}{_BETWEEN.join(parts)}{ends}"


def marked(text: str, needles: re.Pattern[str]) -> list[Piece]:
    """The text around its first hit in pieces, each with whether it is a hit; [] without one."""
    text = unicodedata.normalize("NFC", text[:SEARCHED])
    seen, starts = _seen(text)
    first = needles.search(seen)
    if first is None:
        return []
    spans = [first.span(), *(hit.span() for hit in needles.finditer(seen, first.end()))]
    return _pieces(text, [_span(starts, *span) for span in spans])


def _seen(text: str) -> tuple[str, Sequence[int]]:
    """The text as search sees it, and where each character of the original begins there."""
    if text.isascii():
        return text.lower(), range(len(text) + 1)
    plains = [_PLAIN[ord(each)] for each in text]
    return "".join(plains), [0, *accumulate(map(len, plains))]


def _span(starts: Sequence[int], start: int, end: int) -> tuple[int, int]:
    return bisect_right(starts, start) - 1, bisect_left(starts, end)


def _pieces(text: str, hits: Sequence[tuple[int, int]]) -> list[Piece]:
    low = _word_begin(text, hits[0][0] - BEFORE, hits[0][0])
    high = min(low + LENGTH, len(text))
    found: list[Piece] = []
    at = low
    for start, end in hits:
        if end > high:
            break
        found += [(text[at:start], False), (text[start:end], True)]
        at = end
    return [each for each in (*found, (text[at:high], False)) if each[0]]


def _word_begin(text: str, at: int, latest: int) -> int:
    """The next begin of a word, so that none is cut."""
    if at <= 0:
        return 0
    space = re.compile(r"\s").search(text, at, latest)
    return space.end() if space else at
