"""/v1/alarms: what somebody has to look at; and what runners say of the mails that tell of it."""

from typing import Literal

from flask import Blueprint, Response, current_app, request

from postroom.courier import ClaimedLetters, ClaimLetter, LetterTold, TellLetter
from postroom.errors import RefusedError

from ..models import Alarm
from ..rest.alarmed import Alarm as ShownAlarm
from ..rest.asked import Empty
from ..rest.bodies import answer, body_as
from ..rest.contracts import Answer, Parameter, contract, lists
from ..rest.paging import cursor, each, limit, page
from ..rest.security import scope
from ..telling import alarms, letters

blueprint = Blueprint("alarms", __name__, url_prefix="/v1/alarms")
STATE = Parameter("state", "`open` or `all`.", Literal["open", "all"], "open", error="bad_state")


@blueprint.get("")
@lists(ShownAlarm, STATE)
def list_alarms() -> Response:
    """Open alarms, or all, newest first."""
    after, size, state = cursor(int), limit(), request.args.get("state", "open")
    if state not in ("open", "all"):
        raise RefusedError("bad_state", f"state is open or all, not {state!r}")
    found = Alarm.select().order_by(Alarm.id.desc())
    if state == "open":
        found = found.where(Alarm.ended == "")
    if after:
        found = found.where(Alarm.id < after[0])
    return answer(page(list(found.limit(size + 1)), size, each(shown), lambda a: [a.id]))


@blueprint.post("/<int:id_>/acknowledge")
@contract(answers=Answer(ShownAlarm), body=Empty)
def acknowledge(id_: int) -> Response:
    """Say that somebody knows: no mail tells of it again, but for its end."""
    return answer(shown(alarms.acknowledge(current_app.config["DATABASE"], id_)))


@blueprint.post("/claim")
@scope("run")
@contract(answers=Answer(ClaimedLetters), body=ClaimLetter)
def claim() -> Response:
    """Give out a mail that is to be sent, for a time."""
    return answer(letters.claim(current_app.config["DATABASE"], body_as(ClaimLetter)))


@blueprint.post("/mails/<int:id_>/tell")
@scope("run")
@contract(answers=Answer(LetterTold), body=TellLetter, errors=("lease_lost",))
def tell(id_: int) -> Response:
    """Whether a mail went out."""
    return answer(letters.tell(current_app.config["DATABASE"], id_, body_as(TellLetter)))


def shown(row: Alarm) -> ShownAlarm:
    """An alarm as the API answers it."""
    return ShownAlarm(
        id=row.id,
        subject=row.subject,
        kind=row.kind,
        source=row.source,
        about=row.about,
        event=row.event,
        since=row.created,
        ended=row.ended or None,
        acknowledged=row.acknowledged or None,
        told=row.told or None,
    )
