"""Settings: users, their roles, and their passwords."""

from flask import Blueprint, Response, current_app, make_response, render_template, url_for

from ..access import users as people
from ..models import User
from ..rest.security import page
from .forms import Form, done, shown
from .strings import t

blueprint = Blueprint("users", __name__, url_prefix="/settings/users")
FIELDS = {
    "bad_user": "name",
    "name_taken": "name",
    "bad_password": "password",
    "bad_role": "role",
    "last_admin": "role",
}


@blueprint.get("")
@page("admin")
def users() -> Response:
    """All users."""
    return make_response(render_template("users.html", form=Form(), **_listed()))


@blueprint.post("")
@page("admin")
def add() -> Response:
    """Add a user."""
    form = Form("password")
    with form.blaming(FIELDS):
        people.add(current_app.config["DATABASE"], form["name"], form["password"], form["role"])
    if not form.is_fine:
        return shown("users.html", form, **_listed())
    return done(url_for("users.users"), "done.user_added")


@blueprint.get("/<name>")
@page("admin")
def user(name: str) -> Response:
    """One user, to be changed."""
    return make_response(render_template("user.html", form=Form(), **_one(name)))


@blueprint.post("/<name>/role")
@page("admin")
def change_role(name: str) -> Response:
    """Give a user another role."""
    form = Form()
    with form.blaming(FIELDS):
        people.set_role(current_app.config["DATABASE"], name, form["role"])
    return _changed(form, name)


@blueprint.post("/<name>/password")
@page("admin")
def change_password(name: str) -> Response:
    """Give a user another password."""
    form = Form("password")
    with form.blaming(FIELDS):
        people.set_password(current_app.config["DATABASE"], name, form["password"])
    return _changed(form, name)


@blueprint.post("/<name>/remove")
@page("admin")
def remove(name: str) -> Response:
    """Remove a user."""
    form = Form()
    with form.blaming(FIELDS):
        people.remove(current_app.config["DATABASE"], name)
    return _changed(form, name, "done.user_removed")


def _changed(form: Form, name: str, message: str = "done.user_changed") -> Response:
    if not form.is_fine:
        return shown("user.html", form, **_one(name))
    return done(url_for("users.users"), message)


def _listed() -> dict[str, object]:
    return {"users": list(User.select().order_by(User.name)), "roles": _roles()}


def _one(name: str) -> dict[str, object]:
    return {"user": people.found(name), "roles": _roles()}


def _roles() -> list[tuple[str, str]]:
    return [(role, t(f"role.{role}")) for role in people.ROLES]
