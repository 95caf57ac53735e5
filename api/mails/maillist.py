"""Mails as lists find them: the newest, the best, those of a thread, and one by its id."""

from collections.abc import Mapping
from typing import Any

import peewee

from postroom.errors import RefusedError

from ..models import Mail, Threaded
from . import query, ranking, shown


def newest(given: Mapping[str, str], after: tuple[Any, ...] | None, most: int) -> list[Mail]:
    """Mails that the filters select, newest first, after a date and an id."""
    found = query.mails(given)
    if after:
        date, id_ = after
        found = found.where((Mail.date < date) | ((Mail.date == date) & (Mail.id < id_)))
    return list(found.limit(most))


def best(
    given: Mapping[str, str], after: tuple[Any, ...] | None, most: int
) -> list[ranking.Ranked]:
    """The same, those first that fit the query best, after such a place."""
    place = ranking.Place(*after) if after else None
    return ranking.best(query.mails(given), query.wanted(given), place, most)


def one(id_: int) -> Mail:
    """A mail as it is shown alone; RefusedError when there is none."""
    mail: Mail | None = Mail.select(*shown.WHOLE).where(Mail.id == id_).get_or_none()
    if mail is None:
        raise RefusedError("not_found", f"there is no mail {id_}")
    if mail.state == "purged":
        raise RefusedError("not_found", f"mail {id_} is not kept any longer: its time was over")
    return mail


def of_thread(thread: int) -> peewee.ModelSelect:
    """The mails of a thread, as lists show them, oldest first."""
    return (
        Mail.select(*shown.LISTED)
        .join(Threaded, on=Threaded.mail == Mail.id)
        .where(Threaded.thread == thread)
        .order_by(Threaded.date, Threaded.mail)
    )


def is_later(date: str, id_: int) -> peewee.Node:
    """Whether a mail of a thread comes after one of that date and id."""
    return (Threaded.date > date) | ((Threaded.date == date) & (Threaded.mail > id_))
