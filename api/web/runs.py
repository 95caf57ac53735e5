"""Runs: what ran, what runs, and what came of it."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, url_for

from postroom.errors import RefusedError

from ..models import Run, Script
from ..replaying import differences
from ..rest import scripted
from ..rest.paging import cursor
from ..rest.security import page
from ..running import outputs, runlist, runlog, runs
from ..scripting.scriptshown import run as run_shown
from .forms import done
from .listing import SIZE, filters, part
from .scripts import pretty
from .strings import t

blueprint = Blueprint("run_pages", __name__, url_prefix="/runs")
#: Bytes of an output that are shown on the page.
SHOWN = 64 * 1024
#: Scripts that the filter offers.
MOST = 500


@blueprint.get("")
@page("read")
def listed() -> Response:
    """Runs that the filters select, newest first."""
    after, given = cursor(int), filters()
    found = runlist.selected(given)
    if after:
        found = found.where(Run.id < after[0])
    some = part([run_shown(row) for row in found.limit(SIZE + 1)], lambda run: [run.id])
    names = [
        name for (name,) in Script.select(Script.name).order_by(Script.name).limit(MOST).tuples()
    ]
    choices = {
        "script": [(name, name) for name in names],
        "status": [(each, t(f"mark.{each}")) for each in runlist.STATUSES],
        "trigger": [(each, t(f"kind.{each}")) for each in runlist.KINDS],
    }
    return make_response(render_template("runs.html", part=some, given=given, choices=choices))


@blueprint.get("/<int:id_>")
@page("read")
def run(id_: int) -> Response:
    """One run: its state, what it wrote, and what it put out."""
    found = runlist.one(id_)
    row = runs.found(id_)
    logs = [runlog.read(row, stream, found.attempt, 0) for stream in runlog.STREAMS]
    return make_response(
        render_template(
            "run.html",
            run=found,
            logs=logs,
            output=outputs.read(current_app.config["FILES"], found, SHOWN),
            arguments=pretty(found.arguments),
            trigger=pretty(found.trigger),
            last=_last(found),
        )
    )


@blueprint.get("/<int:id_>/log/<stream>.txt")
@page("read")
def log(id_: int, stream: str) -> Response:
    """All that is kept of one stream, to be saved."""
    if stream not in runlog.STREAMS:
        raise RefusedError("not_found", f"stream is out or err, not {stream!r}")
    row = runs.found(id_)
    name = f"attachment; filename=run-{id_}-{stream}.txt"
    headers = {"Content-Disposition": name}
    # It is bounded, and the tables are not to be read when the request has ended.
    return Response(b"".join(_pieces(row, stream)), headers=headers,
                    content_type="text/plain; charset=utf-8")  # fmt: skip


@blueprint.post("/<int:id_>/stop")
@page("operate")
def stop(id_: int) -> Response:
    """End a run."""
    runs.stop(current_app.config["DATABASE"], id_)
    return done(url_for("run_pages.run", id_=id_), "done.run_stopped")


@blueprint.post("/<int:id_>/retry")
@page("operate")
def retry(id_: int) -> Response:
    """Run the same again."""
    new = runs.again(current_app.config["DATABASE"], id_)
    return done(url_for("run_pages.run", id_=new), "done.run_asked")


@blueprint.get("/<int:id_>/compare")
@page("read")
def compare(id_: int) -> Response:
    """How the output differs from that of the last run that completed before."""
    found = runlist.one(id_)
    last = _last(found)
    if last is None:
        raise RefusedError("not_found", f"no run of {found.script} completed before run {id_}")
    store = current_app.config["FILES"]
    before, after = outputs.read(store, last), outputs.read(store, found)
    return make_response(
        render_template(
            "run_compare.html",
            run=found,
            last=last,
            difference=differences.between(before.text, after.text),
            is_same=last.output == found.output,
            is_cut=before.is_cut or after.is_cut,
            is_gone=before.is_gone or after.is_gone,
        )
    )


def _last(found: scripted.Run) -> scripted.Run | None:
    """The last run of the same script that completed before."""
    given = {"script": found.script, "status": "completed"}
    row = runlist.selected(given).where(Run.id < found.id).first()
    return run_shown(row) if row else None


def _pieces(row: Any, stream: str) -> Iterator[bytes]:
    offset = 0
    while (piece := runlog.read(row, stream, row.attempt, offset)).next > offset:
        yield piece.text.encode()
        offset = piece.next
