"""Mails by how well they fit: the words' own weight and where they stand.

Only the newest hits are ranked, so that two words of every mail cost no more than two rare ones.
"""

import bisect
import typing

import peewee

from ..models import Mail, database
from ..search.querytree import Any, Node, looked_for, split
from ..search.wordindex import words_index
from . import shown

#: So many of the newest mails that a query selects are ranked; the others are not in the answer.
RANKED = 500
#: A word in the subject says more than one in a text; in the order of the index's columns.
WEIGHTS = (8.0, 4.0, 2.0, 1.0, 4.0)


class Place(typing.NamedTuple):
    """Where a page of a ranked list ended."""

    score: float
    id: int
    #: Mails that came later are not in the pages that follow.
    newest: int


#: A mail's row and its place.
Ranked = tuple[typing.Any, Place]


def best(found: peewee.ModelSelect, tree: Node, after: Place | None, size: int) -> list[Ranked]:
    """The best of the mails that a select found, each with its place; `size` at most."""
    newest = after.newest if after else Mail.select(peewee.fn.MAX(Mail.id)).scalar() or 0
    newer = found.select(Mail.id).where(Mail.id <= newest).limit(RANKED)
    ranked = _ranked([id_ for (id_,) in database.execute(newer).fetchall()], tree)
    page = ranked[_start(ranked, after) :][:size]
    # By their ids alone: what selected them is not asked again.
    rows = {
        row.id: row for row in Mail.select(*shown.LISTED).where(Mail.id.in_([i for _, i in page]))
    }
    return [(rows[id_], Place(score, id_, newest)) for score, id_ in page]


def _ranked(ids: list[int], tree: Node) -> list[tuple[float, int]]:
    """Best first; of equals the one that came last."""
    words, _ = split(tree)
    found = words_index().scores(words or Any(tuple(looked_for(tree))), ids, WEIGHTS)
    return sorted(((found.get(id_, 0.0), id_) for id_ in ids), key=_order)


def _order(ranked: tuple[float, int]) -> tuple[float, int]:
    score, id_ = ranked
    return score, -id_


def _start(ranked: list[tuple[float, int]], after: Place | None) -> int:
    if after is None:
        return 0
    # The mails that came meanwhile move the ranks a little: the mail tells better where we were.
    at = next((at for at, (_, id_) in enumerate(ranked) if id_ == after.id), None)
    if at is not None:
        return at + 1
    return bisect.bisect(ranked, (after.score, -after.id), key=_order)
