"""Text as search sees it: one fold for the index and the query alike."""

import re
import unicodedata

#: Scripts written without spaces: a run is indexed as its pairs of neighbours.
_RUN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")


class _Bare(dict[int, int | None]):
    """Drops combining marks; each character is looked up once."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.combining(chr(code)) else code
        return self[code]


_BARE = _Bare()


def fold(text: str) -> str:
    """Case, accents and width do not count (NFKD, marks stripped, casefold); NULs are dropped."""
    if text.isascii():
        return text.lower().replace("\0", "")
    decomposed = unicodedata.normalize("NFKD", text.replace("\0", ""))
    bare = decomposed.translate(_BARE)
    # NFKD takes Hangul syllables apart; put together, a run has one character a syllable again.
    return _RUN.sub(_pairs, unicodedata.normalize("NFC", bare.casefold()))


def _pairs(run: re.Match[str]) -> str:
    text = run[0]
    pairs = [text[i : i + 2] for i in range(len(text) - 1)] or [text]
    return f" {' '.join(pairs)} "
