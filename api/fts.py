"""The index of words in SQLite: FTS5.

The one place that knows how words are asked for: another database's index has a `hits` of its own.
"""

from collections.abc import Sequence

import peewee

from .fold import wanted
from .models import database, encode
from .querytree import All, Any, Node, Not, Words

_TABLE = peewee.Table("mail_search", ("rowid",))


def hits(tree: Node) -> peewee.Select:
    """Ids of the mails that a wordy tree selects."""
    return _TABLE.select(_TABLE.rowid).where(peewee.SQL("mail_search MATCH ?", (expression(tree),)))


def scores(tree: Node, ids: Sequence[int], weights: Sequence[float]) -> dict[int, float]:
    """Of these mails, those that a wordy tree selects, with their ranks: less is better.

    `weights` are of subject, sender, recipients, body, files.
    """
    # All hits are gone through, but only those asked for are ranked, which is what costs.
    sql = (
        f"SELECT rowid, bm25(mail_search, {', '.join(map(str, weights))}) FROM mail_search "  # noqa: S608
        "WHERE mail_search MATCH ? AND +rowid IN (SELECT value FROM json_each(?))"
    )
    found = database.execute_sql(sql, (expression(tree), encode(ids)))
    return dict(found.fetchall())


def expression(tree: Node) -> str:
    """A wordy tree as FTS5 reads it; its NOT is one between two."""
    match tree:
        case Words():
            return _words(tree)
        case Any(parts):
            return _joined(" OR ", parts)
        case All(parts):
            needed = _joined(" AND ", [each for each in parts if not isinstance(each, Not)])
            unwanted = [each.part for each in parts if isinstance(each, Not)]
            return f"({needed} NOT {_joined(' OR ', unwanted)})" if unwanted else needed
    raise TypeError(tree)


def _joined(by: str, parts: Sequence[Node]) -> str:
    return f"({by.join(map(expression, parts))})"


def _words(one: Words) -> str:
    text, goes_on = wanted(one.text)
    column = f"{one.column} : " if one.column else ""
    star = " *" if one.prefix or goes_on else ""
    return f'{column}"{text.replace(chr(34), " ")}"{star}'
