"""What is set aside, and how it is tried again."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import peewee

from postroom.errors import RefusedError

from .. import tasks
from ..database import Database
from ..models import Folder, Mail, Mailbox, Place, Quarantine, Task, now
from ..rest.contracts import Parameter
from ..sources.folders import key_value
from ..tasks import Wanted

STAGES = ("fetch", "size", "parse", "store")
FILTERS = (
    Parameter("mailbox", "Items of this mailbox."),
    Parameter("stage", "Items that failed there.", Literal[STAGES], error="bad_stage"),
)


def selected(given: Mapping[str, str]) -> Any:
    """What the filters select, newest first; RefusedError for a stage that is none."""
    found = _all().order_by(Quarantine.id.desc())
    if "mailbox" in given:
        found = found.where(Mailbox.name == given["mailbox"])
    if "stage" in given:
        if given["stage"] not in STAGES:
            text = f"stage must be one of {', '.join(STAGES)}, not {given['stage']!r}"
            raise RefusedError("bad_stage", text)
        found = found.where(Quarantine.stage == given["stage"])
    return found


def of_mail(mail: int) -> list[Quarantine]:
    """Why a mail is set aside, for each place where it stands."""
    return list(_all().where(Place.mail == mail).order_by(Quarantine.id))


def _all() -> Any:
    return (
        Quarantine.select(Quarantine, Place, Folder, Mailbox, Mail.id, Mail.has_raw)
        .join(Place)
        .join(Mail, peewee.JOIN.LEFT_OUTER)
        .switch(Place)
        .join(Folder)
        .join(Mailbox)
    )


def retry(db: Database, id_: int) -> Task:
    """Make the task that tries one item again."""
    with db.writing():
        row = _all().where(Quarantine.id == id_).get_or_none()
        if row is None:
            raise RefusedError("not_found", f"there is nothing in quarantine with the id {id_}")
        wanted = _wanted(row, _newest([row]))
        if wanted is None:
            raise RefusedError(
                "superseded",
                "the server gave its UIDs anew, or another account came, since this was set aside: "
                "what is there now is offered under its new place",
            )
        return tasks.add(wanted.kind, wanted.source, wanted.target)


def retry_all(db: Database, given: Mapping[str, str]) -> dict[str, int]:
    """Make the tasks for all that the filters select; count them, and what nothing can be done for.

    What is due already is counted and not asked for twice.
    """
    with db.writing():
        rows = list(selected(given))
        newest = _newest(rows)
        wanted = [_wanted(row, newest) for row in rows]
        found = [each for each in wanted if each]
        tasks.add_many(found)
    return {"tasks": len(found), "superseded": len(wanted) - len(found)}


def _newest(rows: Iterable[Quarantine]) -> set[int]:
    """The folder rows that their sources still speak of."""
    mailboxes = {row.place.folder.mailbox_id for row in rows}
    found = (
        Folder.select(peewee.fn.MAX(Folder.id))
        .join(Mailbox)
        .where(Folder.mailbox.in_(mailboxes), Folder.epoch == Mailbox.epoch)
        .group_by(Folder.mailbox, Folder.name)
        .tuples()
    )
    return {id_ for (id_,) in found}


def _wanted(row: Quarantine, newest: set[int]) -> Wanted | None:
    """What is to be done for an item; None where nothing can be."""
    place, folder = row.place, row.place.folder
    target = {
        "quarantine": row.id,
        "folder": folder.name,
        "uidvalidity": folder.uidvalidity,
        "key": key_value(place.key),
    }
    if row.sha256 and place.mail is not None and place.mail.has_raw:
        told = {"sha256": row.sha256, "epoch": folder.epoch, "generation": folder.generation}
        return Wanted("parse", folder.mailbox.name, {**target, **told})
    if folder.id not in newest:
        return None
    return Wanted("fetch", folder.mailbox.name, target)


def failed_again(id_: int, reason: str) -> None:
    """Count a try that nobody lived to tell of; call it inside a write transaction."""
    row = Quarantine.get_or_none(Quarantine.id == id_)
    if row is not None:
        count_failure([row.place_id], reason)


def count_failure(places: Iterable[int], reason: str) -> None:
    """One try more was of no use for what stands there; call it inside a write transaction."""
    places, time = list(places), now()
    Place.update(attempts=Place.attempts + 1, changed=time).where(Place.id.in_(places)).execute()
    Quarantine.update(attempts=Quarantine.attempts + 1, reason=reason, changed=time).where(
        Quarantine.place.in_(places)
    ).execute()


def leave(mails: Iterable[int], time: str) -> None:
    """What was set aside is understood now, wherever it stands; inside a write transaction."""
    places = [
        id_
        for (id_,) in Place.select(Place.id)
        .where(Place.mail.in_(list(mails)), Place.state == "quarantined")
        .tuples()
    ]
    Place.update(state="stored", attempts=0, next_try="", changed=time).where(
        Place.id.in_(places)
    ).execute()
    Quarantine.delete().where(Quarantine.place.in_(places)).execute()
