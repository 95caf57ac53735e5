"""/metrics: numbers for Prometheus."""

from flask import Blueprint, Response, current_app

from postroom import exposition

from ..rest.contracts import Answer, contract

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@contract(answers=Answer(media=("text/plain",)))
def metrics() -> Response:
    """How the API, its sources and its tables stand, in the text form of Prometheus."""
    told = exposition.text(current_app.config["NUMBERS"])
    return Response(told, content_type=exposition.MEDIA)
