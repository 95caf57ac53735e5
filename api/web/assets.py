"""Style, script and pictures of the pages."""

from importlib.resources import files

from flask import Blueprint, Response, request, url_for

from postroom.errors import RefusedError

from ..rest.security import page

#: The templates of all pages are found by way of this blueprint.
blueprint = Blueprint("assets", __name__, template_folder="templates")
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
FILES = ("page.css", "live.js", "follow.js", "favicon.svg")


@blueprint.get("/assets/<name>")
@page("none")
def asset(name: str) -> Response:
    """One file."""
    if name not in FILES:
        raise RefusedError("not_found", f"there is no file {name!r}")
    content = files(__package__).joinpath("static", name).read_bytes()
    kind = KINDS[name.rpartition(".")[2]]
    response = Response(content, content_type=f"{kind}; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/favicon.ico")
@page("none")
def favicon() -> Response:
    """What browsers ask for where no page says otherwise."""
    return Response(status=308, headers={"Location": url_for("assets.asset", name="favicon.svg")})
