"""Files of watched pages: every version, what became of it, and another try."""

from typing import Any

from flask import Blueprint, Response, make_response, render_template

from ..rest.paging import cursor
from ..rest.security import page
from ..running import runlist
from ..scripting.scriptshown import run as run_shown
from ..views import files
from ..watching import filelist
from . import filetable
from .forms import Form, done, local
from .listing import SIZE, part
from .pages import LIVE

blueprint = Blueprint("file_pages", __name__, url_prefix="/files")
#: Runs on a file's page.
RECENT = 10


@blueprint.get("")
@page("read")
def listed() -> Response:
    """Files of all pages that the filters select, newest first."""
    form = Form()
    table = filetable.read(form)
    return make_response(
        render_template("files.html", form=form, table=table, live=LIVE), form.status
    )


@blueprint.get("/<int:id_>")
@page("read")
def one(id_: int) -> Response:
    """A file: where it is, its versions, and what ran over it."""
    row: Any = files.found(id_)
    versions = filelist.below(filelist.versions(row), cursor(str, int)).limit(SIZE + 1)
    some = part([files.shown(each) for each in versions], lambda each: [each.created, each.id])
    runs = [run_shown(each) for each in runlist.selected({"file": str(id_)}).limit(RECENT)]
    return make_response(
        render_template(
            "file.html",
            file=files.shown(row),
            key=row.key,
            asked=files.last_asked(row),
            part=some,
            runs=runs,
            live=LIVE,
        )
    )


@blueprint.post("/<int:id_>/retry")
@page("ingest", "operate")
def retry(id_: int) -> Response:
    """Download it again, or see whether the page has other bytes by now."""
    files.ask(id_)
    return done(local(Form()["next"]), "done.file_asked")
