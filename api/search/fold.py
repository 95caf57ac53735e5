"""Text as search sees it: one fold for the index and the query alike."""

import re
import unicodedata

#: Scripts written without spaces: a run is indexed as its pairs of neighbours. Thai, Lao,
#: Burmese, Khmer; CJK with kana and Hangul.
RUNS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30fa\u30fc-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{RUNS}]+")
_SIGNS_AT_END = re.compile(rf"(?:(?![{RUNS}])[\W_])+$")


class _Bare(dict[int, int | None]):
    """Drops combining marks; each character is looked up once."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.combining(chr(code)) else code
        return self[code]


_BARE = _Bare()


def fold(text: str) -> str:
    """Words as they are indexed: plain, runs as pairs of characters and their last one.

    The last one alone, so that a single character is found anywhere: all others begin a pair.
    """
    bare = plain(text)
    return bare if bare.isascii() else _RUN.sub(_pairs, bare)


def plain(text: str) -> str:
    """Case, accents and width do not count (NFKD, marks stripped, casefold); NULs are dropped."""
    if text.isascii():
        return text.lower().replace("\0", "")
    decomposed = unicodedata.normalize("NFKD", text.replace("\0", ""))
    bare = decomposed.translate(_BARE)
    # NFKD takes Hangul syllables apart; put together, a run has one character a syllable again.
    return unicodedata.normalize("NFC", bare.casefold())


def _pairs(run: re.Match[str]) -> str:
    text = run[0]
    pairs = [text[i : i + 2] for i in range(len(text) - 1)]
    return f" {' '.join((*pairs, text[-1]))} "


def wanted(text: str) -> tuple[str, bool]:
    """A word or phrase as it is looked for, and whether its last word may go on.

    A run may go on: its end is looked for without what the index adds where a run ends.
    """
    folded = _SIGNS_AT_END.sub("", fold(text))
    if not _RUN.fullmatch(folded[-1:]):
        return folded, False
    *before, last = folded.split()
    if before and before[-1][-1] == last and len(before[-1]) == 2:
        return " ".join(before), False
    return folded, True
