"""Scripts: what there is, how each one does, and starting it."""

import secrets
from typing import Any

import msgspec
from flask import Blueprint, Response, current_app, make_response, render_template, url_for

from ..models import Page, Script, Slot, named
from ..rest import scripted
from ..rest.paging import cursor
from ..rest.security import page
from ..running import runlist, runs
from ..scripting import scriptdeletion, scripts, scriptshown
from . import runchart, scriptforms, scriptlook
from .forms import Form, done, shown
from .listing import SIZE, part
from .strings import t

blueprint = Blueprint("script_pages", __name__)
#: Slots and versions on a script's page.
RECENT = 10


@blueprint.get("/scripts")
@page("read")
def listed() -> Response:
    """All scripts by name."""
    found = named.listed(Script, cursor(str))
    rows = scriptshown.scripts(list(found.limit(SIZE + 1)))
    some = part(rows, lambda script: [script.name])
    return make_response(
        render_template("scripts.html", rows=map(scriptlook.row, some.rows), part=some)
    )


@blueprint.get("/new-script")
@page("admin")
def new() -> Response:
    """The form for another script."""
    return make_response(render_template("script_new.html", form=Form()))


@blueprint.post("/new-script")
@page("admin")
def create() -> Response:
    """Make a script."""
    form = Form()
    source = scriptforms.source(form)
    name = form["name"].strip()
    try:
        told = msgspec.convert(
            {"name": name, "source": source, "description": form["description"].strip()},
            scripts.NewScript,
        )
    except msgspec.ValidationError:
        form.refuse("name", t("script.bad_name"))
    if form.is_fine:
        with form.blaming({"bad_script": "source", "name_taken": "name"}):
            scripts.create(current_app.config["DATABASE"], told)
    if not form.is_fine:
        return shown("script_new.html", form, source=source)
    return done(url_for("script_pages.settings", name=name), "done.script_made")


@blueprint.get("/scripts/<name>")
@page("read")
def one(name: str) -> Response:
    """A script, and what it did."""
    return make_response(render_template("script.html", form=Form(), **_page(name)))


@blueprint.post("/scripts/<name>/run")
@page("operate")
def run(name: str) -> Response:
    """Start a script."""
    form, script = Form(), scripts.found(name)
    told = runs.RunBody(
        arguments=scriptforms.json_object(form, "arguments"),
        mail=scriptforms.number(form, "mail"),
        file=scriptforms.number(form, "file"),
    )
    if form.is_fine:
        about = "file" if told.file else "mail"
        with form.blaming({"key_reused": "arguments", "not_found": about, "bad_body": "file"}):
            key = form["key"][:100] or None
            id_, _ = runs.by_hand(current_app.config["DATABASE"], script, told, key)
            return done(scriptlook.address(id_), "done.run_asked")
    return shown("script.html", form, **_page(name))


@blueprint.post("/scripts/<name>/enable")
@page("admin")
def enable(name: str) -> Response:
    """Let a script run by its clock and its events, or not."""
    is_on = Form()["enabled"] == "yes"
    told = scripts.ChangeScript(enabled=is_on)
    scripts.change(current_app.config["DATABASE"], name, told)
    message = "done.script_on" if is_on else "done.script_off"
    return done(url_for("script_pages.one", name=name), message)


@blueprint.get("/scripts/<name>/settings")
@page("admin")
def settings(name: str) -> Response:
    """The settings of a script."""
    return make_response(render_template("script_settings.html", form=Form(), **_settings(name)))


@blueprint.post("/scripts/<name>/settings")
@page("admin")
def change(name: str) -> Response:
    """Change them."""
    form = Form()
    told = scriptforms.settings(form)
    if form.is_fine:
        with form.blaming({"bad_schedule": "scheduled_time"}):
            scripts.change(current_app.config["DATABASE"], name, told)
    if not form.is_fine:
        return shown("script_settings.html", form, **_settings(name))
    return done(url_for("script_pages.one", name=name), "done.script_changed")


@blueprint.get("/scripts/<name>/delete")
@page("admin")
def ask_delete(name: str) -> Response:
    """Whether to delete a script with all that it did."""
    return make_response(render_template("script_delete.html", form=Form(), **_head(name)))


@blueprint.post("/scripts/<name>/delete")
@page("admin")
def delete(name: str) -> Response:
    """Delete a script whose name was typed in."""
    form = Form()
    if form["name"].strip() != name:
        form.refuse("name", t("script.delete_wrong"))
        return shown("script_delete.html", form, **_head(name))
    config = current_app.config
    scriptdeletion.delete(config["DATABASE"], config["FILES"], name)
    return done(url_for("script_pages.listed"), "done.script_deleted")


def _head(name: str) -> dict[str, Any]:
    script = scriptshown.scripts([scripts.found(name)])[0]
    return {"script": script, "mark": scriptlook.mark(script)}


def _page(name: str) -> dict[str, Any]:
    head = _head(name)
    script: scripted.Script = head["script"]
    row = scripts.found(name)
    past = runlist.newest(name, scriptlook.MANY)
    slots = Slot.select().where(Slot.script == row).order_by(Slot.slot.desc()).limit(RECENT)
    return {
        **head,
        "triggers": scriptlook.triggers(script),
        "next": scriptlook.next_slot(script),
        "chart": scriptlook.history(past) if past else "",
        "legend": [(each, runchart.sample(each)) for each in ("completed", "error", "pending")],
        "runs": past[:RECENT],
        "slots": [scriptshown.slot(each) for each in slots],
        "arguments": pretty(script.arguments),
        # Sent twice, it is the same run.
        "key": secrets.token_hex(16),
    }


def _settings(name: str) -> dict[str, Any]:
    head = _head(name)
    script: scripted.Script = head["script"]
    return {
        **head,
        "arguments": pretty(script.arguments),
        "clock": scriptforms.clock_of(script),
        "pause": scriptforms.pause_of(script),
        "pages": _pages(script),
    }


def _pages(script: scripted.Script) -> list[tuple[str, str]]:
    names = [name for (name,) in Page.select(Page.name).order_by(Page.name).tuples()]
    # One that is not watched any more, or not yet, stays.
    if script.on_file not in ("", scripts.ALL, *names):
        names.append(script.on_file)
    first = [("", t("settings.no_file")), (scripts.ALL, t("settings.each_file"))]
    return [*first, *((name, name) for name in names)]


def pretty(value: Any) -> str:
    """A value as JSON that people read; "" for nothing."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() if value else ""
