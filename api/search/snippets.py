"""Where a query's words stand in the texts themselves, marked."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, takewhile

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
_SPACE = re.compile(r"\s")


class _Plain(dict[int, str]):
    """Each character as search sees it, looked up once."""

    def __init__(self) -> None:
        super().__init__()
        #: Those that search does not see as one character.
        self.odd: set[str] = set()

    def __missing__(self, code: int) -> str:
        self[code] = plain(chr(code))
        if len(self[code]) != 1:
            self.odd.add(chr(code))
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
    first, *more = parts
    # What stands before is looked at last: a pattern that begins with a letter is found far sooner.
    begins = first if re.match(f"[{RUNS}]", first) else f"{first}(?<!{_LETTER}{first})"
    ends = "" if words.prefix or re.match(f"[{RUNS}]", parts[-1]) else f"(?!{_LETTER})"
    return _BETWEEN.join((begins, *more)) + ends


def marked(text: str, needles: re.Pattern[str]) -> list[Piece]:
    """The text around its first hit in pieces, each with whether it is a hit; [] without one."""
    text = unicodedata.normalize("NFC", text[:SEARCHED])
    seen = text.lower() if text.isascii() else text.translate(_PLAIN)
    hits = needles.finditer(seen)
    first = next(hits, None)
    if first is None:
        return []
    starts = _starts(text)
    return _pieces(text, (_span(text, starts, *hit.span()) for hit in chain((first,), hits)))


def _starts(text: str) -> Sequence[int]:
    """Where each character begins in the text as search sees it."""
    if text.isascii() or _PLAIN.odd.isdisjoint(text):
        return range(len(text) + 1)
    return [0, *accumulate(len(_PLAIN[ord(each)]) for each in text)]


def _span(text: str, starts: Sequence[int], start: int, end: int) -> tuple[int, int]:
    return bisect_right(starts, start) - 1, _past_marks(text, bisect_left(starts, end))


def _past_marks(text: str, at: int) -> int:
    """Where the next character begins that is not part of the one before, as an accent is."""
    while at < len(text) and unicodedata.category(text[at])[0] == "M":
        at += 1
    return at


def _pieces(text: str, hits: Iterator[tuple[int, int]]) -> list[Piece]:
    first = next(hits)
    at = _word_begin(text, first[0] - BEFORE, first[0])
    high = _word_end(text, at + LENGTH, first[1])
    found: list[Piece] = []
    # Of a long text most hits are not even looked for.
    for start, end in chain((first,), takewhile(lambda hit: hit[1] <= high, hits)):
        found += [(text[at:start], False), (text[start:end], True)]
        at = end
    return [each for each in (*found, (text[at:high], False)) if each[0]]


def _word_begin(text: str, at: int, latest: int) -> int:
    """The next begin of a word, so that none is cut."""
    if at <= 0:
        return 0
    space = _SPACE.search(text, at, latest)
    return space.end() if space else _past_marks(text, at)


def _word_end(text: str, at: int, earliest: int) -> int:
    """The last end of a word before a place; where there is no space, of a character."""
    if at >= len(text):
        return len(text)
    last = max((space.start() for space in _SPACE.finditer(text, earliest, at)), default=0)
    return last or _past_marks(text, max(at, earliest))
