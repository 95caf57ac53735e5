"""Errors for people: the same problems, as pages."""

import msgspec
from flask import Flask, Response, g, make_response, redirect, render_template, request, url_for

from ..rest import answers
from ..rest.security import SAFE_METHODS
from .layout import HEADERS
from .strings import has, t

PROBLEM_JSON = "application/problem+json"


def register(app: Flask) -> None:
    """Answer with pages where the browser asks for them."""
    app.after_request(_show)


def _show(response: Response) -> Response:
    if response.mimetype != PROBLEM_JSON or not _wants_page():
        return response
    told = msgspec.json.decode(response.get_data(), type=answers.Problem)
    if told.status == 401 and request.method in SAFE_METHODS:
        return _headed(make_response(redirect(url_for("signing.sign_in", next=_here()), 303)))
    title = t(f"error.{told.status}") if has(f"error.{told.status}") else told.title
    text = render_template("error.html", title=title, problem=told)
    shown = make_response(text, told.status)
    # What the problem says to programs holds for browsers, too.
    for name in ("Retry-After", "Allow", "Content-Range"):
        if name in response.headers:
            shown.headers[name] = response.headers[name]
    return _headed(shown)


def _headed(response: Response) -> Response:
    # The layout's own look at the answer comes next.
    g.html = True
    response.headers.update(HEADERS)
    return response


def _wants_page() -> bool:
    # curl and programs say */*: they get what they always got.
    return "text/html" in [kind for kind, _ in request.accept_mimetypes]


def _here() -> str:
    return request.full_path.rstrip("?")
