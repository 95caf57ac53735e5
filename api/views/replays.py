"""/v1/replays: scripts over all that is stored, how far they are, and what came of it."""

from itertools import chain
from typing import Literal

from flask import Blueprint, Response, current_app, request

from postroom.errors import RefusedError
from postroom.runs import ClaimBatch, ItemsTaken, ReplayBatch, TellItems

from ..mails import export, query
from ..models import Replay, Script
from ..replaying import replays
from ..rest import fields
from ..rest.asked import Empty
from ..rest.bodies import answer, body_as
from ..rest.contracts import Answer, Parameter, contract, lists, shows
from ..rest.paging import cursor, each, limit, page
from ..rest.problems import guarded
from ..rest.scripted import Replay as ShownReplay
from ..rest.scripted import ReplayLine
from ..rest.security import scope
from ..scripting import scriptshown
from ..watching import filelist
from .exports import LINES, Turn

blueprint = Blueprint("replays", __name__, url_prefix="/v1")
STATES = ("running", "completed", "stopped")
FILTERS = (
    Parameter("script", "Replays of this script."),
    Parameter("state", "Replays in this state.", Literal[STATES], error="bad_state"),
)
BAD = tuple({told.error for told in (*query.FILTERS, *filelist.FILTERS) if told.error})


@blueprint.post("/scripts/<name>/replay")
@scope("operate")
@contract(answers=Answer(ShownReplay, 201), body=replays.ReplayBody, errors=BAD)
def begin(name: str) -> Response:
    """Have a script go over all that is stored and that filters select."""
    id_ = replays.begin(current_app.config["DATABASE"], name, body_as(replays.ReplayBody))
    return answer(scriptshown.replay(replays.found(id_)), 201)


@blueprint.get("/replays")
@lists(ShownReplay, *FILTERS)
def list_replays() -> Response:
    """Replays, newest first."""
    after, size = cursor(int), limit()
    found = Replay.select(Replay, Script).join(Script).order_by(Replay.id.desc())
    if "script" in request.args:
        found = found.where(Script.name == request.args["script"])
    if "state" in request.args:
        found = found.where(Replay.state == _state(request.args["state"]))
    if after:
        found = found.where(Replay.id < after[0])
    return answer(
        page(list(found.limit(size + 1)), size, each(scriptshown.replay), lambda r: [r.id])
    )


@blueprint.get("/replays/<int:id_>")
@shows(ShownReplay)
def one_replay(id_: int) -> Response:
    """One replay, and how far it is."""
    return fields.one(scriptshown.replay(replays.found(id_)))


@blueprint.get("/replays/<int:id_>/result.jsonl")
@contract(answers=Answer(media=(LINES,), headers=("Content-Disposition",), line=ReplayLine))
def result(id_: int) -> Response:
    """What came of each mail or file so far, one JSON a line."""
    replay = replays.found(id_)
    turn = Turn()
    name = f'attachment; filename="{replay.script.name}-replay-{id_}.jsonl"'
    headers = {"Content-Disposition": name.encode("ascii", "replace").decode(),
               "X-Content-Type-Options": "nosniff"}  # fmt: skip
    response = Response(headers=headers, content_type=LINES)
    response.call_on_close(turn.end)
    body = turn.over(export.together(replays.lines(id_)))
    response.response = guarded(chain([next(body)], body))
    return response


@blueprint.post("/replays/<int:id_>/stop")
@scope("operate")
@contract(answers=Answer(ShownReplay), body=Empty)
def stop(id_: int) -> Response:
    """End a replay where it is."""
    replays.stop(current_app.config["DATABASE"], id_)
    return answer(scriptshown.replay(replays.found(id_)))


@blueprint.post("/replays/<int:id_>/claim")
@scope("run")
@contract(answers=Answer(ReplayBatch), body=ClaimBatch)
def claim(id_: int) -> Response:
    """Give out the next items, for a time."""
    return answer(replays.claim(current_app.config["DATABASE"], id_, body_as(ClaimBatch)))


@blueprint.post("/replays/<int:id_>/items")
@scope("run")
@contract(answers=Answer(ItemsTaken), body=TellItems, errors=("lease_lost",))
def take_items(id_: int) -> Response:
    """Keep what came of items."""
    return answer(replays.take(current_app.config["DATABASE"], id_, body_as(TellItems)))


def _state(state: str) -> str:
    if state not in STATES:
        raise RefusedError("bad_state", f"state is one of {', '.join(STATES)}, not {state!r}")
    return state
