"""One's own account: who one is, and another password."""

from flask import Blueprint, Response, current_app, make_response, render_template

from ..access import sessions, users
from ..log import callers
from ..rest.security import page
from .forms import Form, done, shown
from .strings import t

blueprint = Blueprint("account", __name__)


@blueprint.get("/account")
@page("read")
def account() -> Response:
    """Who one is."""
    return make_response(render_template("account.html", form=Form()))


@blueprint.post("/account/password")
@page("read")
def change_password() -> Response:
    """Take another password; every browser of this user signs in again."""
    form, name = Form("old", "new"), callers.who()
    if callers.current().user is None or users.verified(name, form["old"]) is None:
        form.refuse("old", t("account.wrong"), 403)
    if form.is_fine:
        with form.blaming({"bad_password": "new"}):
            users.set_password(current_app.config["DATABASE"], name, form["new"])
    if not form.is_fine:
        return shown("account.html", form)
    response = done("/login", "done.password")
    response.delete_cookie(sessions.COOKIE)
    return response
