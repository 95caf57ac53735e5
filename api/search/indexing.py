"""The words of mails, indexed in one insert a batch."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from postroom.records import Mail

from ..deliveries import MAX_LINE, Delivery, clean
from .fold import fold
from .wordindex import words_index

SENDERS = ("from", "sender", "reply_to")
RECIPIENTS = ("to", "cc", "bcc")


class Words(NamedTuple):
    """What a mail is found by, folded; the same from a record and from the rows it became."""

    subject: str
    sender: str
    recipients: str
    body: str
    files: str


def index(contents: Iterable[tuple[int, Delivery]]) -> None:
    """Add new contents by their ids; call it inside the transaction that inserts them."""
    add([(id_, words(one.mail)) for id_, one in contents if one.mail is not None])


def add(found: Iterable[tuple[int, Words]]) -> None:
    """Index words by the ids of their mails."""
    words_index().add([(id_, *each) for id_, each in found])


def forget(held: Iterable[tuple[int, Words]]) -> None:
    """Take words back; they must be those that were indexed."""
    words_index().forget([(id_, *each) for id_, each in held])


def words(mail: Mail) -> Words:
    """Those of a record."""
    names = (clean(each.name, MAX_LINE) for each in mail.attachments)
    return Words(
        fold(clean(mail.subject, MAX_LINE)),
        _people((*mail.from_, *mail.sender, *mail.reply_to)),
        _people((*mail.to, *mail.cc, *mail.bcc)),
        fold(clean(mail.text)),
        fold(" ".join(names)),
    )


def words_held(mail: Any, names: Iterable[str]) -> Words:
    """Those of a row of mails and of the names of its attachments, in order."""
    return Words(
        fold(mail.subject),
        _people(people(mail.record, SENDERS)),
        _people(people(mail.record, RECIPIENTS)),
        fold(mail.text),
        fold(" ".join(names)),
    )


def people(record: Mapping[str, Any], kinds: Iterable[str]) -> list[Sequence[str]]:
    """Names and addresses in some headers of a row's record."""
    return [person for kind in kinds for person in record.get(kind, ())]


def _people(found: Iterable[Sequence[str]]) -> str:
    return fold(" ".join(map(" ".join, found)))
