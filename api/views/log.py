"""/v1/quarantine, /v1/events and /v1/tasks: what went wrong, what happened, what is to do."""

import msgspec
from flask import Blueprint, Response, current_app, request

from .. import eventlog, streams
from ..mails import quarantine
from ..models import Quarantine, Task
from ..rest.answers import Event as ToldEvent
from ..rest.answers import ListedTask, Quarantined
from ..rest.bodies import answer
from ..rest.contracts import Answer, Parameter, contract, lists
from ..rest.paging import cursor, each, limit, page
from ..sources.folders import key_value

blueprint = Blueprint("log", __name__, url_prefix="/v1")
AFTER = Parameter("after", "The same as `cursor`.", error="bad_cursor")
LAST_EVENT_ID = Parameter("Last-Event-ID", "The id of the last event that came: it counts more "
                          "than `after`.", place="header", error="bad_cursor")  # fmt: skip


@blueprint.get("/quarantine")
@lists(Quarantined, *quarantine.FILTERS)
def list_quarantine() -> Response:
    """Items without a usable record, newest first."""
    after, size = cursor(int), limit()
    found = quarantine.selected(request.args)
    if after:
        found = found.where(Quarantine.id < after[0])
    return answer(page(list(found.limit(size + 1)), size, each(quarantined), lambda q: [q.id]))


def quarantined(row: Quarantine) -> Quarantined:
    """How an item is shown."""
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
@lists(ToldEvent, *eventlog.FILTERS, AFTER, errors=("cursor_expired",))
def list_events() -> Response:
    """What happened after a cursor, oldest first; next_cursor stands where the log ends."""
    text, size = request.args.get("after") or request.args.get("cursor"), limit()
    selection = eventlog.asked(request.args)
    part = eventlog.read(selection, eventlog.resume(text) if text else 0, size)
    told = page(part.events, size, each(eventlog.shown), lambda e: [e.id])
    end = eventlog.cursor_at(part.last)
    return answer(msgspec.structs.replace(told, next_cursor=end, has_more=part.more))


@blueprint.get("/events/stream")
@contract(
    *eventlog.FILTERS,
    eventlog.AFTER,
    LAST_EVENT_ID,
    answers=Answer(media=(streams.MEDIA,)),
    errors=("cursor_expired",),
)
def stream_events() -> Response:
    """The same as server-sent events, from now on or from where a cursor stands."""
    text = request.headers.get("Last-Event-ID") or request.args.get("after")
    selection = eventlog.asked(request.args)
    last = eventlog.resume(text) if text else eventlog.newest()
    keep_open = request.environ.get(streams.KEEP_OPEN)
    if keep_open is None or request.method == "HEAD":
        body = streams.so_far(selection, last)
    else:
        keep_open(current_app.config["STREAMS"].place(selection, last))
        body = streams.opening(last)
    # Iterated: nobody may take the first piece for all there is.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(iter([body]), headers=headers, content_type=streams.MEDIA)


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
