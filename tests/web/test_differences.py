"""What differs between two texts, and what is read of an output."""

import pytest

from api.replaying.differences import MOST_LINES, MOST_WIDTH, between


@pytest.mark.parametrize(
    ("before", "after", "signs", "counts"),
    [
        ("", "", "", (0, 0)),
        ("a\nb\n", "a\nb\n", "", (0, 0)),
        ("a\r\nb", "a\nb\n", "", (0, 0)),
        ("", "a\nb", "@++", (2, 0)),
        ("a\nb", "", "@--", (0, 2)),
        ("a\nb\nc", "a\nB\nc", "@ -+ ", (1, 1)),
        # What looks like the head of a difference is a line as others are.
        ("-- a\n++ b\n@@ c", "", "@---", (0, 3)),
        ("\n".join("abcdefghij"), "\n".join("abcdefghiJ"), "@   -+", (1, 1)),
    ],
)
def test_a_difference_has_a_sign_for_each_line(before, after, signs, counts):
    found = between(before, after)

    shown = {"same": " ", "added": "+", "gone": "-", "place": "@"}
    assert "".join(shown[line.kind] for line in found.lines) == signs
    assert (found.added, found.gone, found.is_cut) == (*counts, False)


def test_lines_are_shown_without_their_signs():
    assert [line.text for line in between("- a", "+ b").lines][1:] == ["- a", "+ b"]


def test_a_long_text_is_compared_at_its_beginning_only():
    long = "a\n" * (MOST_LINES + 1)
    found = between(long, "x" * (MOST_WIDTH + 1))

    assert found.is_cut
    assert (found.gone, found.added) == (MOST_LINES, 1)
    assert len(found.lines[-1].text) == MOST_WIDTH
