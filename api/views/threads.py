"""/v1/threads: mails that answer each other."""

from collections.abc import Sequence
from typing import Any

import peewee
from flask import Blueprint, Response

from postroom.errors import RefusedError

from ..mails import maillist, shown
from ..models import Mail, Threaded
from ..rest.answers import ListedMail, Thread, ThreadPage
from ..rest.bodies import answer
from ..rest.contracts import PAGED, Answer, contract, fields_of, lists
from ..rest.paging import cursor, limit, page

blueprint = Blueprint("threads", __name__, url_prefix="/v1/threads")


@blueprint.get("")
@lists(Thread)
def list_threads() -> Response:
    """Threads by their last mail, newest first."""
    after, size = cursor(str, int), limit()
    later = Threaded.alias()
    by_time = (later.date > Threaded.date) | (
        (later.date == Threaded.date) & (later.mail > Threaded.mail)
    )
    last = ~peewee.fn.EXISTS(
        later.select(peewee.SQL("1")).where(later.thread == Threaded.thread, by_time)
    )
    every = Threaded.alias()
    count = every.select(peewee.fn.COUNT(every.mail)).where(every.thread == Threaded.thread)
    found = (
        Mail.select(*shown.LISTED, count.alias("mails"))
        .join(Threaded, on=Threaded.mail == Mail.id)
        .where(last)
        .order_by(Mail.date.desc(), Mail.id.desc())
    )
    if after:
        date, id_ = after
        found = found.where((Mail.date < date) | ((Mail.date == date) & (Mail.id < id_)))
    rows = list(found.limit(size + 1).objects())
    return answer(page(rows, size, _threads, lambda mail: [mail.date, mail.id]))


def _threads(lasts: Sequence[Any]) -> list[Thread]:
    shapes = shown.listed(lasts)
    return [
        Thread(id=last.thread_id, mails=last.mails, last=shape)
        for last, shape in zip(lasts, shapes, strict=True)
    ]


@blueprint.get("/<int:id_>")
@contract(*PAGED, answers=Answer(ThreadPage), fields=fields_of(ListedMail))
def one_thread(id_: int) -> Response:
    """The mails of a thread, oldest first; any of its mails names it."""
    named: Threaded | None = Threaded.get_or_none(Threaded.mail == id_)
    if named is None:
        raise RefusedError("not_found", f"there is no thread {id_}")
    after, size = cursor(str, int), limit()
    found = maillist.of_thread(named.thread)
    if after:
        found = found.where(maillist.is_later(*after))
    rows = list(found.limit(size + 1))
    part = page(rows, size, shown.listed, lambda mail: [mail.date, mail.id])
    return answer(
        ThreadPage(
            id=named.thread,
            items=part.items,
            next_cursor=part.next_cursor,
            has_more=part.has_more,
        )
    )
