"""/health: whether the API can read and rely on its database."""

from flask import Blueprint, Response, current_app

import postroom

from ..bodies import answer
from ..models import Fact
from ..security import scope

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@scope("none")
def health() -> Response:
    """Open to all: it tells nothing but that the API lives."""
    schema = Fact.get(Fact.name == "schema").value
    batch = current_app.config["STORAGE"].batch()
    return answer(
        {"status": "ok", "version": postroom.__version__, "schema": int(schema), "batch": batch}
    )
