"""Settings: tokens, each seen once, on the page that makes it."""

from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for

from ..models import Token
from ..rest import tokens
from ..rest.security import SCOPES, page
from .forms import Form, done, shown
from .strings import t

blueprint = Blueprint("tokenpages", __name__, url_prefix="/settings/tokens")
_FIELDS = {"bad_token": "name", "name_taken": "name", "bad_scope": "scopes"}


@blueprint.get("")
@page("admin")
def listed() -> Response:
    """All tokens."""
    return make_response(render_template("tokens.html", form=Form(), made="", **_listed()))


@blueprint.post("")
@page("admin")
def make() -> Response:
    """Make a token; this answer alone shows it, and nothing is redirected or kept."""
    form, made = Form(), ""
    with form.blaming(_FIELDS):
        made = tokens.make(
            current_app.config["DATABASE"], form["name"].strip(), request.form.getlist("scopes")
        )
    return shown("tokens.html", form, made=made, **_listed())


@blueprint.get("/<name>")
@page("admin")
def one(name: str) -> Response:
    """What happens when it is revoked."""
    return make_response(render_template("token.html", form=Form(), **_one(name)))


@blueprint.post("/<name>/revoke")
@page("admin")
def revoke(name: str) -> Response:
    """End a token; one that the API made for itself, only when its name is typed."""
    form = Form()
    token = tokens.found(name)
    if tokens.is_own(token) and form["confirm"] != name:
        form.refuse("confirm", t("tokens.confirm_wrong", name=name))
        return shown("token.html", form, **_one(name))
    tokens.revoke(current_app.config["DATABASE"], name, own=True)
    return done(url_for("tokenpages.listed"), "done.token_revoked")


def _listed() -> dict[str, Any]:
    rows = [tokens.shown(row) for row in Token.select().order_by(Token.name)]
    return {
        "tokens": rows,
        "scopes": [(name, t(f"scope.{name}")) for name in SCOPES],
        "chosen": request.form.getlist("scopes") or ["read"],
    }


def _one(name: str) -> dict[str, Any]:
    return {"token": tokens.shown(tokens.found(name))}
