"""The index of words that belongs to the database in use: FTS5 in SQLite, tsvector in PostgreSQL.

Both are asked by one tree, and find the same mails by it.
"""

from collections.abc import Sequence
from typing import Any, Protocol, cast

import peewee

from ..models import database
from . import fts, tsearch
from .querytree import Node


class WordIndex(Protocol):
    """What such an index does; `fts` and `tsearch` are two."""

    def create(self) -> None:
        """Make an empty index."""

    def drop(self) -> None:
        """Forget the index."""

    def is_outdated(self) -> bool:
        """Whether it was made by a program that indexed less."""

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Index words: an id and the texts of subject, sender, recipients, body, files."""

    def forget(self, rows: Sequence[Sequence[Any]]) -> None:
        """Take back words as they were added."""

    def selected(self, tree: Node) -> peewee.Node:
        """Whether a wordy tree selects a mail, put so that the database goes the shorter way."""

    def hits(self, tree: Node, between: tuple[int, int] | None = None) -> peewee.Select:
        """Ids of the mails that a wordy tree selects, of all or of those between two ids."""

    def scores(self, tree: Node, ids: Sequence[int], weights: Sequence[float]) -> dict[int, float]:
        """Of these mails, those that a wordy tree selects, with their ranks: less is better."""


def words_index() -> WordIndex:
    """That of the bound database."""
    if isinstance(database.obj, peewee.SqliteDatabase):
        return cast(WordIndex, fts)
    return cast(WordIndex, tsearch)
