"""/v1/quarantine, /v1/events and /v1/tasks: what went wrong, what happened, what is to do."""

import msgspec
import peewee
from flask import Blueprint, Response, request

from postroom.errors import RefusedError

from .. import quarantine
from ..answers import Event as ToldEvent
from ..answers import ListedTask, Quarantined
from ..bodies import answer
from ..contracts import Parameter, lists
from ..folders import key_value
from ..migrations import feed_epoch
from ..models import Event, Quarantine, Task
from ..paging import cursor, each, encode, limit, page

blueprint = Blueprint("log", __name__, url_prefix="/v1")
AFTER = Parameter("after", "The same as `cursor`.", error="bad_cursor")


@blueprint.get("/quarantine")
@lists(Quarantined, *quarantine.FILTERS)
def list_quarantine() -> Response:
    """Items without a usable record, newest first."""
    after, size = cursor(int), limit()
    found = quarantine.selected(request.args)
    if after:
        found = found.where(Quarantine.id < after[0])
    return answer(page(list(found.limit(size + 1)), size, each(_quarantined), lambda q: [q.id]))


def _quarantined(row: Quarantine) -> Quarantined:
    place = row.place
    return Quarantined(
        id=row.id,
        mailbox=place.folder.mailbox.name,
        folder=place.folder.name,
        uidvalidity=place.folder.uidvalidity,
        key=key_value(place.key),
        state=place.state,
        stage=row.stage,
        reason=row.reason,
        attempts=row.attempts,
        next_try=place.next_try or None,
        sha256=row.sha256 or None,
        size=row.size,
        created=row.created,
        changed=row.changed,
    )


@blueprint.get("/events")
@lists(ToldEvent, AFTER, errors=("cursor_expired",))
def list_events() -> Response:
    """What happened after a cursor, oldest first; next_cursor stands where the log ends."""
    after, size = cursor(str, int, name="after") or cursor(str, int), limit()
    epoch = feed_epoch()
    last = _resume(epoch, *after) if after else 0
    rows = list(Event.select().where(Event.id > last).order_by(Event.id).limit(size + 1))
    told = page(rows, size, each(_event), lambda e: [epoch, e.id])
    if told.next_cursor is None:
        end = rows[-1].id if rows else last
        told = msgspec.structs.replace(told, next_cursor=encode([epoch, end]))
    return answer(told)


def _resume(epoch: str, told_epoch: str, last: int) -> int:
    """Where to go on; 410 for another database's cursor, or one that was never given."""
    newest = Event.select(peewee.fn.MAX(Event.id)).scalar() or 0
    if told_epoch != epoch or last > newest:
        raise RefusedError("cursor_expired", "this cursor is of another feed: read from the start")
    return last


def _event(event: Event) -> ToldEvent:
    return ToldEvent(
        id=event.id,
        kind=event.kind,
        source=event.source,
        about=event.about,
        created=event.created,
    )


@blueprint.get("/tasks")
@lists(ListedTask)
def list_tasks() -> Response:
    """What daemons shall do, and what came of it, newest first."""
    after, size = cursor(int), limit()
    found = Task.select().order_by(Task.id.desc())
    if after:
        found = found.where(Task.id < after[0])
    return answer(page(list(found.limit(size + 1)), size, each(_task), lambda t: [t.id]))


def _task(task: Task) -> ListedTask:
    return ListedTask(
        id=task.id,
        kind=task.kind,
        source=task.source,
        target=task.target,
        state=task.state,
        attempts=task.attempts,
        due=task.due or None,
        result=task.result,
        created=task.created,
        changed=task.changed,
    )
