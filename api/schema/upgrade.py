"""What a step of the schema makes anew for the mails that are there already."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from ..database import Database
from ..mails import threads
from ..models import Attachment, Mail, Threaded
from ..search import indexing, stems
from ..search.wordindex import words_index

log = logging.getLogger(__name__)
_BATCH = 500


def index_again() -> None:
    """Index the words of all parsed mails."""
    for mails in _parsed(*threads.HELD, Mail.text):
        indexing.add(_words(mails))
        log.info("indexed again up to mail %d", mails[-1].id)


def words_of(ids: Sequence[int]) -> list[tuple[int, indexing.Words]]:
    """The words of these mails, as they are indexed."""
    return _words(list(Mail.select(*threads.HELD, Mail.text).where(Mail.id.in_(ids))))


def _words(mails: Sequence[Any]) -> list[tuple[int, indexing.Words]]:
    names: dict[int, list[str]] = defaultdict(list)
    attached = Attachment.select(Attachment.mail, Attachment.name).where(
        Attachment.mail.in_([mail.id for mail in mails])
    )
    for mail, name in attached.order_by(Attachment.mail, Attachment.number).tuples():
        names[mail].append(name)
    return [(mail.id, indexing.words_held(mail, names[mail.id])) for mail in mails]


def use_language(db: Database, language: str) -> None:
    """Stem words so; those of all mails anew when they were stemmed otherwise."""
    stems.use(language)
    if stems.indexed() == language:
        return
    with db.writing():
        # Another process may have done it meanwhile.
        if stems.indexed() != language:
            log.info("words are indexed again, as %s", language)
            words_index().drop()
            words_index().create()
            index_again()
            stems.note(language)


def thread_all() -> None:
    """Put all parsed mails into their threads that are in none."""
    for mails in _parsed(*threads.HELD):
        held = Threaded.select(Threaded.mail).where(Threaded.mail.in_([each.id for each in mails]))
        there = {id_ for (id_,) in held.tuples()}
        threads.join([threads.kin_held(mail) for mail in mails if mail.id not in there])


def _parsed(*columns: Any) -> Iterator[list[Any]]:
    last = 0
    while mails := list(
        Mail.select(*columns)
        .where(Mail.state == "parsed", Mail.id > last)
        .order_by(Mail.id)
        .limit(_BATCH)
    ):
        yield mails
        last = mails[-1].id
