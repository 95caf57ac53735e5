"""/openapi.json and /docs: the API described, and a page to read and try it, without a network."""

from importlib.resources import files

import msgspec
from flask import Blueprint, Response, current_app

from postroom.errors import RefusedError

from ..rest import openapi
from ..rest.bodies import JSON
from ..rest.contracts import Answer, contract

blueprint = Blueprint("browse", __name__)
#: The page and its scripts come from here, and speak with nobody else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SAFE = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Postroom: the API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# No validator: it would send the document to somebody else's server.
START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null,
  docExpansion: "list", defaultModelsExpandDepth: 0, persistAuthorization: false,
});
"""
FILES = ("favicon-32x32.png", "start.js", "swagger-ui-bundle.js", "swagger-ui.css")
KINDS = {"css": "text/css", "js": "text/javascript", "png": "image/png"}
#: The package's files change only with its version.
CACHED = {"Cache-Control": "max-age=3600"}


@blueprint.get("/openapi.json")
@contract(answers=Answer(media=(JSON,), headers=("Vary",)))
def describe() -> Response:
    """This document: OpenAPI 3.1."""
    known = current_app.extensions
    if "openapi" not in known:
        known["openapi"] = msgspec.json.encode(openapi.document(current_app))
    return Response(known["openapi"], content_type=JSON)


@blueprint.get("/docs")
@contract(answers=Answer(media=("text/html",)))
def browse() -> Response:
    """A page in which to read this document and try the routes."""
    return Response(PAGE, headers=SAFE, content_type="text/html; charset=utf-8")


@blueprint.get("/docs/<name>")
@contract(answers=Answer(media=tuple(KINDS.values())))
def browse_file(name: str) -> Response:
    """What that page is made of."""
    if name not in FILES:
        raise RefusedError("not_found", f"the page has no file {name!r}")
    kind = KINDS[name.rpartition(".")[2]]
    content: str | bytes = START
    if name != "start.js":
        content = files("flask_swagger_ui").joinpath("dist", name).read_bytes()
    return Response(content, headers={**SAFE, **CACHED}, content_type=kind)
