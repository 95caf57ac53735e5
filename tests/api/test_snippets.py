"""Hits are marked in the mail's own text, whole."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.search.querytree import Words
from api.search.snippets import BEFORE, LENGTH, Piece, marked, pattern


def pieces(text: str, *words: Words | str) -> list[Piece]:
    needles = pattern(Words(each) if isinstance(each, str) else each for each in words)
    return marked(text, needles) if needles else []


def hits(text: str, *words: Words | str) -> list[str]:
    return [piece for piece, is_hit in pieces(text, *words) if is_hit]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("Lunch on Friday", ["friday", "LUNCH"], ["Lunch", "Friday"]),
        ("Prix d'Été", ["ete"], ["Été"]),
        ("Prix d'E\u0301te\u0301", ["été"], ["Été"]),
        ("Straße, STRASSE", ["strasse"], ["Straße", "STRASSE"]),
        ("a ﬁne day", [Words("f", prefix=True)], ["ﬁ"]),
        ("\uff30\uff4f\uff53\uff54 and post", ["post"], ["\uff30\uff4f\uff53\uff54", "post"]),
        ("отчёт и ОТЧЕТ", ["отчет"], ["отчёт", "ОТЧЕТ"]),
        ("来週の会議の予定", ["会議"], ["会議"]),
        ("来週の会議の予定", ["議"], ["議"]),
        ("東京都", ["京都"], ["京都"]),
        ("category cat concat", ["cat"], ["cat"]),
        ("category cat concat", [Words("cat", prefix=True)], ["cat", "cat"]),
        ("price -- list, list price", ["price list"], ["price -- list"]),
        ("e-mail and e mail", ["e-mail"], ["e-mail", "e mail"]),
        ("x\u0302y", [Words("x", prefix=True)], ["x\u0302"]),
        ("हिन्दी", ["हिन्दी"], ["हिन्दी"]),
        ("snake_case", ["case"], ["case"]),
        ("nothing here", ["there"], []),
        ("nothing here", ["!"], []),
    ],
)
def test_hits_are_marked_in_the_text_itself(
    text: str, words: list[Words | str], expected: list[str]
) -> None:
    assert hits(text, *words) == expected


def test_a_long_text_is_shown_around_the_first_hit_from_word_to_word() -> None:
    text = "before " * 100 + "needle " + "after " * 100

    found = pieces(text, "needle")

    shown = "".join(piece for piece, _ in found)
    assert LENGTH - 10 < len(shown) <= LENGTH
    assert set(shown.split()) == {"before", "needle", "after"}
    assert 0 < shown.index("needle") <= BEFORE


def test_a_hit_that_is_longer_than_a_snippet_is_whole() -> None:
    text = "price" + " " * 500 + "list"

    assert hits(text, "price list") == [text]


WRITTEN = st.text(
    st.sampled_from("ab éßﬁ会議の\u0301\u0302ी \n-_,한İ𝔸") | st.characters(codec="utf-8"),
    max_size=400,
)


@given(WRITTEN, st.lists(st.builds(Words, WRITTEN, prefix=st.booleans()), max_size=3))
def test_pieces_are_a_stretch_of_the_text_and_no_accent_is_cut_off(
    text: str, words: list[Words]
) -> None:
    whole = unicodedata.normalize("NFC", text)

    found = pieces(text, *words)

    assert "".join(piece for piece, _ in found) in whole
    assert all(piece for piece, _ in found)
    assert any(is_hit for _, is_hit in found) == bool(found)
    for (_, before), (after, _) in pairwise(found):
        assert not (before and unicodedata.category(after[0])[0] == "M")


@given(st.text(st.sampled_from("aé会議b -\n"), min_size=1, max_size=100), st.data())
def test_a_word_of_the_text_is_found_in_it(text: str, data: st.DataObject) -> None:
    words = unicodedata.normalize("NFC", text).replace("-", " ").split()
    if words:
        word = data.draw(st.sampled_from(words))
        # A phrase, which a word of two scripts is, may stand spread before it stands as written.
        assert bare(word) in {bare(hit) for hit in hits(text, word)}


def bare(words: str) -> str:
    return words.translate(dict.fromkeys(map(ord, " -\n")))
