"""The index of words in SQLite: FTS5; see words."""

import typing
from collections.abc import Sequence

import peewee

from ..models import Mail, database, encode
from .fold import wanted
from .querytree import All, Any, Node, Not, Words, looked_for

_CREATE = """
CREATE VIRTUAL TABLE mail_search USING fts5(
    subject, sender, recipients, body, files, content='',
    tokenize="unicode61 remove_diacritics 0 categories 'L* N* Co Mc Mn'")
"""
_INSERT = (
    "INSERT INTO mail_search(rowid, subject, sender, recipients, body, files) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
#: Nothing but the words is kept, so that who takes them back must name them.
_FORGET = (
    "INSERT INTO mail_search(mail_search, rowid, subject, sender, recipients, body, files) "
    "VALUES ('delete', ?, ?, ?, ?, ?, ?)"
)
_TABLE = peewee.Table("mail_search", ("rowid",))
#: Fewer hits are looked up one by one; of more, those are taken that stand first by date.
FEW = 1_000
#: So few letters begin the words of many mails.
SHORT = 3


def create() -> None:
    """Make an empty index."""
    # Words are looked up, never shown from here: the texts themselves stand in mails.
    database.execute_sql(_CREATE)
    # Merging more segments at once rewrites each word less often.
    database.execute_sql("INSERT INTO mail_search(mail_search, rank) VALUES ('automerge', 16)")


def is_outdated() -> bool:
    """Whether it was made before senders were indexed apart."""
    return "sender" not in {
        row[1] for row in database.execute_sql("PRAGMA table_info(mail_search)")
    }


def drop() -> None:
    """Forget the index."""
    database.execute_sql("DROP TABLE mail_search")


def add(rows: Sequence[Sequence[typing.Any]]) -> None:
    """Index words: an id and the texts of the columns."""
    database.many(_INSERT, rows)


def forget(rows: Sequence[Sequence[typing.Any]]) -> None:
    """Take them back; they must be those that were indexed."""
    database.many(_FORGET, rows)


def selected(tree: Node) -> peewee.Node:
    """Whether a wordy tree selects a mail, put so that SQLite goes the shorter way."""
    found = hits(tree)
    id_ = Mail.id
    if _are_many(tree, found):
        # With the sign, the hits are no way to find mails, only a set to compare with.
        id_ = peewee.NodeList((peewee.SQL("+"), id_))
    return peewee.Expression(id_, peewee.OP.IN, found)


def _are_many(tree: Node, found: peewee.Select) -> bool:
    # All words of a prefix are put together before its first hit comes: that is not done twice.
    if any(each.prefix and len(each.text) <= SHORT for each in looked_for(tree)):
        return True
    return len(database.execute(found.limit(FEW + 1)).fetchall()) > FEW


def hits(tree: Node, between: tuple[int, int] | None = None) -> peewee.Select:
    """Ids of the mails that a wordy tree selects, of all or of those between two ids."""
    found = _TABLE.select(_TABLE.rowid).where(
        peewee.SQL("mail_search MATCH ?", (expression(tree),))
    )
    # The index goes only through these mails, not through all its hits.
    return found.where(peewee.SQL("rowid BETWEEN ? AND ?", between)) if between else found


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
