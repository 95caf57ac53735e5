"""A query's tree as a condition on mails: words by their index, all else by columns."""

import operator
import typing
from collections.abc import Callable, Iterable
from functools import reduce

import peewee

from ..models import Folder, Mail, Mailbox, Place
from .querytree import All, Any, Node, Not, Stated, split
from .wordindex import words_index

#: What a mail may have.
HAS = {
    "attachment": Mail.attachment_count > 0,
    "defect": peewee.fn.LENGTH(Mail.defects) > len("[]"),
}


def narrowed(tree: Node) -> peewee.Node:
    """Whether the tree selects a mail, put so that the database goes the shorter way."""
    words, others = split(tree)
    return selects(tree) if words is None else _both(words_index().selected(words), others)


def selects(tree: Node) -> peewee.Node:
    """Whether the tree selects a mail."""
    words, others = split(tree)
    if words is not None:
        return _both(Mail.id.in_(words_index().hits(words)), others)
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
    places = Place.select(peewee.SQL("1")).join(Folder).join(Mailbox)
    # Another mailbox may have the mail that this one let go.
    places = places.where(Place.mail == Mail.id, Place.state != "purged")
    if mailbox is not None:
        places = places.where(Mailbox.name == mailbox)
    if folder is not None:
        places = places.where(Folder.name == folder)
    return peewee.fn.EXISTS(places)
