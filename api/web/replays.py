"""Replays: a script over all that is stored, how far it is, and what differs from the last."""

from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for

from ..models import Mailbox, Page, Replay, Script
from ..replaying import differences, differing, replays
from ..rest.paging import cursor
from ..rest.security import page
from ..scripting import scripts, scriptshown
from . import scriptforms, scriptlook
from .forms import Form, done, shown
from .listing import SIZE, part
from .scripts import pretty

blueprint = Blueprint("replay_pages", __name__)
#: The filters that the form offers, by what they go over: name here -> name of the filter.
FILTERS = {
    "mails": {"q": "q", "mailbox": "mailbox", "since": "since", "before": "before"},
    "files": {"q": "q", "page": "page", "since": "since", "before": "until"},
}
#: Items on one page: each shows how its output differs.
ITEMS = 20
BAD = {"bad_query": "q", "bad_time": "since"}


@blueprint.get("/scripts/<name>/replays")
@page("read")
def listed(name: str) -> Response:
    """The replays of a script, and the form for another one."""
    return make_response(render_template("replays.html", form=Form(), **_page(name)))


@blueprint.post("/scripts/<name>/replays")
@page("operate")
def begin(name: str) -> Response:
    """Start one."""
    form = Form()
    of = "files" if form["of"] == "files" else "mails"
    given = {theirs: form[ours].strip() for ours, theirs in FILTERS[of].items()}
    filters = {name: text for name, text in given.items() if text}
    told = replays.ReplayBody(
        mails=filters if of == "mails" else None,
        files=filters if of == "files" else None,
        arguments=scriptforms.json_object(form, "arguments"),
    )
    if form.is_fine:
        with form.blaming(BAD):
            id_ = replays.begin(current_app.config["DATABASE"], name, told)
            return done(url_for("replay_pages.one", id_=id_), "done.replay_begun")
    return shown("replays.html", form, **_page(name))


@blueprint.get("/replays/<int:id_>")
@page("read")
def one(id_: int) -> Response:
    """How far a replay is, and what differs."""
    row = replays.found(id_)
    after, show = cursor(int), request.args.get("show", "")
    items = differing.selected(row, show, after[0] if after else 0, ITEMS + 1)
    some = part(items, lambda item: [item.item], ITEMS)
    rows = [(item, differences.between(item.before, item.after)) for item in some.rows]
    script = scriptshown.scripts([row.script])[0]
    return make_response(
        render_template(
            "replay.html",
            replay=scriptshown.replay(row),
            script=script,
            mark=scriptlook.mark(script),
            rows=rows,
            show=show,
            kinds=("", *differing.KINDS),
            part=some,
            arguments=pretty(row.arguments),
        )
    )


@blueprint.post("/replays/<int:id_>/stop")
@page("operate")
def stop(id_: int) -> Response:
    """End a replay where it is."""
    replays.stop(current_app.config["DATABASE"], id_)
    return done(url_for("replay_pages.one", id_=id_), "done.replay_stopped")


def _page(name: str) -> dict[str, Any]:
    row = scripts.found(name)
    script, after = scriptshown.scripts([row])[0], cursor(int)
    found = Replay.select(Replay, Script).join(Script).where(Replay.script == row)
    if after:
        found = found.where(Replay.id < after[0])
    rows = list(found.order_by(Replay.id.desc()).limit(SIZE + 1))
    some = part(rows, lambda replay: [replay.id])
    return {
        "script": script,
        "mark": scriptlook.mark(script),
        "replays": [scriptshown.replay(each) for each in some.rows],
        "part": some,
        "arguments": pretty(script.arguments),
        "mailboxes": _names(Mailbox),
        "pages": _names(Page),
    }


def _names(model: Any) -> list[tuple[str, str]]:
    return [(name, name) for (name,) in model.select(model.name).order_by(model.name).tuples()]
