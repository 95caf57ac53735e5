"""A script's source: as it is, as it was, and the next version of it."""

from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, url_for

from ..models import ScriptVersion
from ..replaying import differences
from ..rest.paging import cursor
from ..rest.security import page
from ..scripting import scripts, scriptshown
from . import scriptforms, scriptlook
from .forms import Form, done, shown
from .listing import SIZE, part

blueprint = Blueprint("source_pages", __name__, url_prefix="/scripts/<name>")


@blueprint.get("/source")
@page("read")
def source(name: str) -> Response:
    """The source as it is, with its versions."""
    return make_response(render_template("script_source.html", form=Form(), **_page(name)))


@blueprint.post("/source")
@page("admin")
def replace(name: str) -> Response:
    """Take the next version."""
    form, before = Form(), scripts.found(name).version
    text = scriptforms.source(form)
    if form.is_fine:
        with form.blaming({"bad_script": "source", "of_folder": "source"}):
            db = current_app.config["DATABASE"]
            after = scripts.replace_source(db, name, text).version
    if not form.is_fine:
        return shown("script_source.html", form, **{**_page(name), "source": text})
    message = "done.source_same" if after == before else "done.source_taken"
    return done(url_for("source_pages.source", name=name), message)


@blueprint.get("/versions/<int:number>")
@page("read")
def version(name: str, number: int) -> Response:
    """A version, and what it changed."""
    script = scripts.found(name)
    row = scripts.version(script, number)
    before = scripts.version(script, number - 1).source if number > 1 else ""
    return make_response(
        render_template(
            "script_version.html",
            script=scriptshown.script(script, None),
            mark=scriptlook.mark(scriptshown.scripts([script])[0]),
            version=scriptshown.source(script, row),
            difference=differences.between(before, row.source) if number > 1 else None,
        )
    )


def _page(name: str) -> dict[str, Any]:
    row = scripts.found(name)
    script, after = scriptshown.scripts([row])[0], cursor(int)
    found = ScriptVersion.select().where(ScriptVersion.script == row)
    if after:
        found = found.where(ScriptVersion.number < after[0])
    rows = list(found.order_by(ScriptVersion.number.desc()).limit(SIZE + 1))
    some = part(rows, lambda version: [version.number])
    return {
        "script": script,
        "mark": scriptlook.mark(script),
        "source": scripts.version(row, row.version).source,
        "versions": [scriptshown.version(row, each) for each in some.rows],
        "part": some,
    }
