"""The words of mails, indexed in one insert a batch."""

from collections.abc import Iterable

from postroom.records import Address, Mail

from .database import Database
from .deliveries import MAX_TEXT, Delivery
from .fold import fold

_INSERT = "INSERT INTO mail_search(rowid, subject, addresses, body, files) VALUES (?, ?, ?, ?, ?)"


def index(db: Database, contents: Iterable[tuple[int, Delivery]]) -> None:
    """Add new contents by their ids; call it inside the transaction that inserts them."""
    rows = [(id_, *_words(one.mail)) for id_, one in contents if one.mail is not None]
    db.connection().executemany(_INSERT, rows)


def _words(mail: Mail) -> tuple[str, str, str, str]:
    people = (*mail.from_, *mail.to, *mail.cc, *mail.bcc, *mail.reply_to, *mail.sender)
    return (
        fold(mail.subject),
        fold(" ".join(_person(each) for each in people)),
        fold(mail.text[:MAX_TEXT]),
        fold(" ".join(each.name for each in mail.attachments)),
    )


def _person(address: Address) -> str:
    return f"{address.name} {address.address}"


def match(query: str) -> str:
    """An FTS5 query that finds mails with all the words, in any column and order."""
    return " ".join(f'"{word}"' for word in fold(query).replace('"', " ").split())
