"""A query's tree as a condition on mails: words by their index, all else by columns."""

import operator
import typing
from collections.abc import Callable, Iterable
from functools import reduce

import peewee

from . import fts
from .models import Folder, Mail, Mailbox, Place, database
from .querytree import All, Any, Node, Not, Stated, looked_for, split

#: What a mail may have.
HAS = {
    "attachment": Mail.attachment_count > 0,
    "defect": peewee.fn.LENGTH(Mail.defects) > len("[]"),
}


#: Fewer hits are looked up one by one; of more, those are taken that stand first by date.
FEW = 1_000
#: So few letters begin the words of many mails.
SHORT = 3


def narrowed(tree: Node) -> peewee.Node:
    """Whether the tree selects a mail, put so that the database goes the shorter way."""
    words, others = split(tree)
    if words is None:
        return selects(tree)
    hits = fts.hits(words)
    id_ = Mail.id
    if _are_many(words, hits):
        # With the sign, the hits are no way to find mails, only a set to compare with.
        id_ = peewee.NodeList((peewee.SQL("+"), id_))
    return _both(peewee.Expression(id_, peewee.OP.IN, hits), others)


def _are_many(words: Node, hits: peewee.Select) -> bool:
    # All words of a prefix are put together before its first hit comes: that is not done twice.
    if any(each.prefix and len(each.text) <= SHORT for each in looked_for(words)):
        return True
    return len(database.execute(hits.limit(FEW + 1)).fetchall()) > FEW


def selects(tree: Node) -> peewee.Node:
    """Whether the tree selects a mail."""
    words, others = split(tree)
    if words is not None:
        return _both(Mail.id.in_(fts.hits(words)), others)
    match tree:
        case Not(part):
            return ~selects(part)
        case All(parts):
            return reduce(operator.and_, map(selects, parts))
        case Any(parts):
            return reduce(operator.or_, map(selects, parts))
        case Stated(field, value):
            return _STATED[field](value)
    raise TypeError(tree)


def _both(condition: peewee.Node, others: Iterable[Node]) -> peewee.Node:
    return reduce(operator.and_, map(selects, others), condition)


#: By field; a new one needs a line here and one in the parser.
_STATED: dict[str, Callable[[typing.Any], peewee.Node]] = {
    "has": lambda what: HAS[what],
    "before": lambda time: Mail.date < time,
    "after": lambda time: Mail.date >= time,
    "larger": lambda size: Mail.size > size,
    "smaller": lambda size: Mail.size < size,
    "mailbox": lambda name: stands_in(name, None),
    "folder": lambda name: stands_in(None, name),
}


def stands_in(mailbox: str | None, folder: str | None) -> peewee.Node:
    """Whether a mail has a place there."""
    places = Place.select(peewee.SQL("1")).join(Folder).join(Mailbox).where(Place.mail == Mail.id)
    if mailbox is not None:
        places = places.where(Mailbox.name == mailbox)
    if folder is not None:
        places = places.where(Folder.name == folder)
    return peewee.fn.EXISTS(places)
