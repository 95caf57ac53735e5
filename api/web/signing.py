"""Signing in and out, and the choice of colours."""

import math

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
)

from ..access import sessions, users
from ..access.guessing import Guesses
from ..log import callers, events
from ..models import Token, User
from ..rest.security import admin_token, page
from .forms import Form, done, local, shown
from .layout import THEME, THEMES, YEAR_SECONDS, set_cookie
from .strings import t

blueprint = Blueprint("signing", __name__)
#: Hours where the settings say nothing, as in tests.
HOURS = 168.0
_guesses = Guesses()


@blueprint.get("/login")
@page("none")
def sign_in() -> Response:
    """The form."""
    page_after = local(request.args.get("next", "/"))
    return make_response(render_template("login.html", form=Form(), next=page_after))


@blueprint.post("/login")
@page("none")
def take_sign_in() -> Response:
    """Sign in by a name and a password, or by a token that may do everything."""
    form = Form("password", "token")
    by_token = bool(form["token"])
    field = "token" if by_token else "password"
    # A token cannot be guessed; an address that tries is slowed down all the same.
    keys = [f"address {request.remote_addr}", *([] if by_token else [f"name {form['name']}"])]
    if (wait := _guesses.begin(*keys)) > 0:
        return _too_early(form, field, math.ceil(wait))
    user = None if by_token else users.verified(form["name"], form["password"])
    token = admin_token(form["token"].strip()) if by_token else None
    if user is None and token is None:
        _tell_refused(form["name"])
        form.refuse(field, t("sign_in.wrong_token" if by_token else "sign_in.wrong"), 403)
        return shown("login.html", form, next=local(form["next"]))
    _guesses.forgive(*keys)
    return _begin(user, token, local(form["next"]))


@blueprint.post("/logout")
@page("none")
def sign_out() -> Response:
    """End this browser's session."""
    caller = callers.current()
    if caller.session:
        with current_app.config["DATABASE"].writing():
            sessions.end(caller.session)
            events.tell("user.signed_out")
    response = done("/login", "done.signed_out")
    response.delete_cookie(sessions.COOKIE)
    return response


@blueprint.post("/theme")
@page("none")
def choose_theme() -> Response:
    """Keep the colours of this browser."""
    form = Form()
    response = done(local(form["next"]))
    if form["theme"] in THEMES:
        set_cookie(response, THEME, form["theme"], YEAR_SECONDS)
    return response


def _begin(user: User | None, token: Token | None, location: str) -> Response:
    hours = current_app.config.get("SESSION_HOURS", HOURS)
    before = callers.current().session
    who = {"user": user.name} if user else {"token": token.name if token else ""}
    with current_app.config["DATABASE"].writing():
        if before:
            sessions.end(before)
        secret = sessions.begin(hours, user=user, token=token)
        name = next(iter(who.values()))
        events.tell("user.signed_in", **who, address=request.remote_addr, by=name)
    response = make_response(redirect(location, 303))
    set_cookie(response, sessions.COOKIE, secret, hours * 3_600)
    return response


def _too_early(form: Form, field: str, seconds: int) -> Response:
    form.refuse(field, t("sign_in.too_early", count=seconds), 429)
    response = shown("login.html", form, next=local(form["next"]))
    response.headers["Retry-After"] = str(seconds)
    return response


def _tell_refused(name: str) -> None:
    # An unknown name may be a password that was typed into the wrong field.
    known = name if User.select().where(User.name == name).exists() else None
    with current_app.config["DATABASE"].writing():
        events.tell("user.refused", user=known, address=request.remote_addr, by="")
