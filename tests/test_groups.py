"""Groups that are bounded by count and by bytes."""

from hypothesis import given
from hypothesis import strategies as st

from postroom.groups import grouped


def size(text: str) -> int:
    return len(text)


def test_a_group_ends_by_count_and_by_bytes() -> None:
    assert list(grouped(["a", "b", "c"], size, 2, 100)) == [["a", "b"], ["c"]]
    assert list(grouped(["aa", "bb", "c"], size, 9, 3)) == [["aa"], ["bb", "c"]]


def test_what_is_larger_than_a_group_stands_alone() -> None:
    assert list(grouped(["a", "bbbbb", "c"], size, 9, 3)) == [["a"], ["bbbbb"], ["c"]]


@given(st.lists(st.text(max_size=6)), st.integers(1, 5), st.integers(1, 9))
def test_nothing_is_lost_and_no_group_is_too_large(texts: list[str], most: int, room: int) -> None:
    groups = list(grouped(texts, size, most, room))

    assert [text for group in groups for text in group] == texts
    for group in groups:
        assert 0 < len(group) <= most
        assert len(group) == 1 or sum(map(size, group)) <= room
