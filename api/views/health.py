"""/health: whether the API can read and rely on its database."""

from flask import Blueprint, Response, current_app

import postroom

from ..models import Fact
from ..rest.answers import Health
from ..rest.bodies import answer
from ..rest.contracts import Answer, contract
from ..rest.security import scope

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@scope("none")
@contract(answers=Answer(Health))
def health() -> Response:
    """Open to all: it tells nothing but that the API lives."""
    schema = Fact.get(Fact.name == "schema").value
    batch = current_app.config["STORAGE"].batch()
    version = postroom.__version__
    return answer(Health(status="ok", version=version, schema=int(schema), batch=batch))
