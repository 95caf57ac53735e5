"""Snippets for a page of mails: where the words of its query stand in each."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import peewee

from ..models import Attachment, Mail
from . import snippets
from .indexing import RECIPIENTS, SENDERS, people
from .querytree import Column, Node, Words, looked_for
from .snippets import Piece

Snippets = dict[str, list[Piece]]
#: A mail's texts by the field that a snippet is of, and the column in which it is looked for.
_FIELDS: dict[str, tuple[Column, Callable[[Any, Sequence[str]], str]]] = {
    "subject": ("subject", lambda mail, _: str(mail.subject)),
    "from": ("sender", lambda mail, _: _named(mail, SENDERS)),
    "to": ("recipients", lambda mail, _: _named(mail, RECIPIENTS)),
    "text": ("", lambda mail, _: str(mail.text)),
    "filename": ("files", lambda _, files: ", ".join(filter(None, files))),
}


def of(ids: Sequence[int], tree: Node) -> dict[int, Snippets]:
    """By mail and field, pieces of text with whether they are a hit; only fields with one."""
    words = tuple(looked_for(tree))
    if not ids or not words:
        return {}
    needles = {
        name: snippets.pattern(_within(column, words)) for name, (column, _) in _FIELDS.items()
    }
    text = peewee.fn.SUBSTR(Mail.text, 1, snippets.SEARCHED).alias("text")
    mails = Mail.select(Mail.id, Mail.subject, Mail.record, text).where(Mail.id.in_(ids))
    files = _files(ids)
    return {
        mail.id: {
            name: pieces
            for name, (_, read) in _FIELDS.items()
            if (needle := needles[name])
            and (pieces := snippets.marked(read(mail, files[mail.id]), needle))
        }
        for mail in mails
    }


def _within(column: Column, words: Sequence[Words]) -> list[Words]:
    return [each for each in words if each.column in ("", column)]


def _named(mail: Any, kinds: Sequence[str]) -> str:
    return ", ".join(" ".join(filter(None, each)) for each in people(mail.record, kinds))


def _files(ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    named = Attachment.select(Attachment.mail, Attachment.name).where(Attachment.mail.in_(ids))
    for mail, name in named.order_by(Attachment.mail, Attachment.number).tuples():
        found[mail].append(name)
    return found
