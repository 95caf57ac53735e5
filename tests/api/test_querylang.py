"""A query becomes a tree, or is told what is wrong with it and where."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.search.querylang import parse
from api.search.querytree import All, Any, Node, Not, Stated, Words, is_wordy, split
from postroom.errors import RefusedError

A, B, C = Words("a"), Words("b"), Words("c")


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("a", A),
        (" a\tb ", All((A, B))),
        ("a AND b", All((A, B))),
        ("a OR b c", Any((A, All((B, C))))),
        ("(a OR b) c", All((Any((A, B)), C))),
        ("a -b", All((A, Not(B)))),
        ("a NOT b", All((A, Not(B)))),
        ("-(a OR b)", Not(Any((A, B)))),
        ("NOT NOT a", Not(Not(A))),
        ('"a b"', Words("a b")),
        ('"a b"*', Words("a b", prefix=True)),
        ("pri*", Words("pri", prefix=True)),
        ("京*", Words("京", prefix=True)),
        ("subject:a", Words("a", "subject")),
        ('From:"Ann B"', Words("Ann B", "sender")),
        ("to:a", Words("a", "recipients")),
        ("filename:a.csv", Words("a.csv", "files")),
        ("subject:AND", Words("AND", "subject")),
        ("from:re:x", Words("re:x", "sender")),
        ("a and b or not c", All((A, Words("and"), B, Words("or"), Words("not"), C))),
        ("Re: a", All((Words("Re:"), A))),
        ("http://a.b", Words("http://a.b")),
        ("a - b & c", All((A, B, C))),
        ("e-mail", Words("e-mail")),
        ("has:defect", Stated("has", "defect")),
        ('folder:"Sent Mail"', Stated("folder", "Sent Mail")),
        ("mailbox:work", Stated("mailbox", "work")),
        ("after:2026", Stated("after", "2026-01-01T00:00:00.000Z")),
        ("before:2026-02", Stated("before", "2026-02-01T00:00:00.000Z")),
        ("before:2026-02-03", Stated("before", "2026-02-03T00:00:00.000Z")),
        ("after:2026-02-03T12:00+02:00", Stated("after", "2026-02-03T10:00:00.000Z")),
        ("larger:2M", Stated("larger", 2 * 1024**2)),
        ("smaller:500kB", Stated("smaller", 500 * 1024)),
        ("larger:7", Stated("larger", 7)),
    ],
)
def test_a_query_is_read_as_it_is_meant(query: str, tree: Node) -> None:
    assert parse(query) == tree


@pytest.mark.parametrize(
    ("query", "at", "what"),
    [
        ("", 1, "there is no word"),
        ("&&", 1, "there is no word"),
        ('""', 1, "it has no letter or digit"),
        ('a "b', 3, "no second one"),
        ("a (b", 3, "not closed"),
        ("a) b", 2, "closes nothing"),
        ("()", 2, "a word is missing before )"),
        ("a OR", 5, "a word is missing at the end"),
        ("OR a", 1, "a word is missing before OR"),
        ("a AND OR b", 7, "a word is missing before OR"),
        ("a NOT", 6, "a word is missing at the end"),
        ("a NOT !", 7, "it has no letter or digit"),
        ("colour:red", 1, "there is no field 'colour'"),
        ("a from: b", 9, "without a space"),
        ("from:(a b)", 6, "comes a word or a phrase"),
        ("subject:!", 9, "it has no letter or digit"),
        ("has:wings", 5, "takes attachment or defect"),
        ("has:att*", 5, "takes no *"),
        ("before:yesterday", 8, "ISO 8601"),
        ("after:2026-02-30", 7, "ISO 8601"),
        ("after:0001-01-01T00:00+14:00", 7, "ISO 8601"),
        ("larger:big", 8, "a number of bytes"),
        ("a p*q", 4, "at the end of a word"),
        ("a pr*", 3, "letters stand before *"),
        ("(" * 30 + "a" + ")" * 30, 22, "levels"),
        ("NOT " * 30 + "a", 85, "levels"),
        ("a " * 101, 201, "at most 100 words"),
        ("a" * 1001, 1001, "at most 1,000 characters"),
    ],
)
def test_a_wrong_query_is_told_what_is_wrong_and_where(query: str, at: int, what: str) -> None:
    with pytest.raises(RefusedError) as caught:
        parse(query)

    assert caught.value.code == "bad_query"
    assert f"at character {at}: " in str(caught.value)
    assert what in str(caught.value)


PIECES = st.sampled_from(
    ["a", "b c", "京都", "é", "AND", "OR", "NOT", "-", "(", ")", '"', "*", ":", " ", "from:",
     "has:", "larger:", "before:", "2026", "5k", "http://", "\0", "\u0301", "''"]
)  # fmt: skip


@given(st.text() | st.lists(PIECES, max_size=30).map("".join))
def test_any_text_is_a_query_or_refused(query: str) -> None:
    with suppress(RefusedError):
        assert isinstance(parse(query), Words | Stated | Not | All | Any)


NOT_B, BIG = Not(B), Stated("larger", 5)


@pytest.mark.parametrize(
    ("tree", "words", "others"),
    [
        (A, A, ()),
        (NOT_B, None, (NOT_B,)),
        (BIG, None, (BIG,)),
        (All((A, NOT_B)), All((A, NOT_B)), ()),
        (All((A, BIG)), A, (BIG,)),
        (All((A, NOT_B, BIG)), All((A, NOT_B)), (BIG,)),
        (All((NOT_B, BIG)), None, (NOT_B, BIG)),
        (Any((A, BIG)), None, (Any((A, BIG)),)),
    ],
)
def test_what_the_index_of_words_answers_is_parted_from_the_rest(
    tree: Node, words: Node | None, others: tuple[Node, ...]
) -> None:
    assert split(tree) == (words, others)
    assert is_wordy(tree) == (others == ())
