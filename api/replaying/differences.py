"""What differs between two texts, line by line, within bounds."""

import difflib
from collections.abc import Iterator
from typing import Literal, NamedTuple

#: Lines of each text that are compared, and characters of each that are shown.
MOST_LINES, MOST_WIDTH = 2_000, 2_000


class Line(NamedTuple):
    """A line of the difference."""

    #: place: where in both texts what follows stands.
    kind: Literal["same", "added", "gone", "place"]
    text: str


class Difference(NamedTuple):
    """How one text became the other."""

    lines: list[Line]
    #: The texts go on; what follows was not compared.
    is_cut: bool

    @property
    def added(self) -> int:
        """Lines that only the second text has."""
        return sum(line.kind == "added" for line in self.lines)

    @property
    def gone(self) -> int:
        """Lines that only the first text has."""
        return sum(line.kind == "gone" for line in self.lines)


def between(before: str, after: str) -> Difference:
    """The unified difference; no lines where the texts are equal."""
    old, new = before.splitlines(), after.splitlines()
    is_cut = max(len(old), len(new)) > MOST_LINES
    lines = difflib.unified_diff(old[:MOST_LINES], new[:MOST_LINES], lineterm="", n=3)
    return Difference(list(_told(lines)), is_cut)


_KINDS: dict[str, Literal["same", "added", "gone", "place"]] = {
    " ": "same",
    "+": "added",
    "-": "gone",
    "@": "place",
}


def _told(lines: Iterator[str]) -> Iterator[Line]:
    # The two lines with the names of files tell nothing here.
    for number, line in enumerate(lines):
        if number > 1:
            kind = _KINDS[line[0]]
            yield Line(kind, (line if kind == "place" else line[1:])[:MOST_WIDTH])
