"""The words of mails, indexed in one insert a batch."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from postroom.records import Mail

from .database import Database
from .deliveries import MAX_LINE, Delivery, clean
from .fold import fold

_INSERT = "INSERT INTO mail_search(rowid, subject, addresses, body, files) VALUES (?, ?, ?, ?, ?)"


_PEOPLE = ("from", "to", "cc", "bcc", "reply_to", "sender")
#: Nothing but the words is kept, so that who takes them back must name them.
_FORGET = (
    "INSERT INTO mail_search(mail_search, rowid, subject, addresses, body, files) "
    "VALUES ('delete', ?, ?, ?, ?, ?)"
)


class Words(NamedTuple):
    """What a mail is found by, folded; the same from a record and from the rows it became."""

    subject: str
    addresses: str
    body: str
    files: str


def index(db: Database, contents: Iterable[tuple[int, Delivery]]) -> None:
    """Add new contents by their ids; call it inside the transaction that inserts them."""
    add(db, [(id_, words(one.mail)) for id_, one in contents if one.mail is not None])


def add(db: Database, found: Iterable[tuple[int, Words]]) -> None:
    """Index words by the ids of their mails."""
    db.connection().executemany(_INSERT, [(id_, *each) for id_, each in found])


def forget(db: Database, held: Iterable[tuple[int, Words]]) -> None:
    """Take words back; they must be those that were indexed."""
    db.connection().executemany(_FORGET, [(id_, *each) for id_, each in held])


def words(mail: Mail) -> Words:
    """Those of a record."""
    people = (*mail.from_, *mail.to, *mail.cc, *mail.bcc, *mail.reply_to, *mail.sender)
    names = (clean(each.name, MAX_LINE) for each in mail.attachments)
    return _words(clean(mail.subject, MAX_LINE), people, clean(mail.text), names)


def words_held(mail: Any, names: Iterable[str]) -> Words:
    """Those of a row of mails and of the names of its attachments, in order."""
    people = [person for kind in _PEOPLE for person in mail.record.get(kind, ())]
    return _words(mail.subject, people, mail.text, names)


def _words(subject: str, people: Iterable[Sequence[str]], text: str, names: Iterable[str]) -> Words:
    return Words(
        fold(subject), fold(" ".join(map(" ".join, people))), fold(text), fold(" ".join(names))
    )


def match(query: str) -> str:
    """An FTS5 query that finds mails with all the words, in any column and order."""
    return " ".join(f'"{word}"' for word in fold(query).replace('"', " ").split())
