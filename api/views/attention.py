"""/v1/attention: what the overview begins with, for those who look from a terminal."""

from flask import Blueprint, Response

from ..rest.alarmed import Attention
from ..rest.bodies import answer
from ..rest.contracts import Answer, contract
from ..telling import attention
from .alarms import shown

blueprint = Blueprint("attention", __name__)


@blueprint.get("/v1/attention")
@contract(answers=Answer(Attention))
def now_needed() -> Response:
    """What needs attention at this moment, and what waits to be done."""
    found = attention.now_needed()
    return answer(
        Attention(
            needed=found.is_needed,
            alarms=[shown(row) for row in found.alarms],
            more_alarms=found.more_alarms,
            quarantined=found.quarantined,
            missed=found.missed,
            failed=found.failed,
            tasks=attention.open_tasks(),
        )
    )
