"""/v1/quarantine/.../retry and /v1/tasks/...: what failed is tried again, and by whom."""

from flask import Blueprint, Response, current_app, request

from .. import claims
from ..mails import quarantine
from ..rest.answers import Claimed, Finished, Retries, Retry
from ..rest.asked import Empty
from ..rest.bodies import answer, body_as
from ..rest.contracts import Answer, contract
from ..rest.security import scope

blueprint = Blueprint("retries", __name__, url_prefix="/v1")


@blueprint.post("/quarantine/<int:id_>/retry")
@scope("ingest", "operate")
@contract(answers=Answer(Retry, 202), body=Empty, errors=("superseded",))
def retry_one(id_: int) -> Response:
    """Ask for one item to be tried again."""
    task = quarantine.retry(current_app.config["DATABASE"], id_)
    return answer(Retry(task=task.id, kind=task.kind, state=task.state), 202)


@blueprint.post("/quarantine/retry")
@scope("ingest", "operate")
@contract(*quarantine.FILTERS, answers=Answer(Retries, 202), body=Empty)
def retry_all() -> Response:
    """Ask for all that the filters select to be tried again."""
    return answer(quarantine.retry_all(current_app.config["DATABASE"], request.args), 202)


@blueprint.post("/tasks/claim")
@scope("ingest")
@contract(answers=Answer(Claimed), body=claims.ClaimBody)
def claim() -> Response:
    """Give out tasks, for a time."""
    asked = body_as(claims.ClaimBody)
    return answer({"tasks": claims.claim(current_app.config["DATABASE"], asked)})


@blueprint.post("/tasks/<int:id_>/finish")
@scope("ingest")
@contract(answers=Answer(Finished), body=claims.FinishBody, errors=("lease_lost",))
def finish(id_: int) -> Response:
    """Note what came of a task."""
    task = claims.finish(current_app.config["DATABASE"], id_, body_as(claims.FinishBody))
    return answer(Finished(task=task.id, state=task.state, result=task.result))
