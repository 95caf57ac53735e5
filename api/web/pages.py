"""Watched pages: how each stands, and looking at it now."""

from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template

from .. import activity, inforce
from ..models import Page, Task, named
from ..rest import watched
from ..rest.paging import cursor
from ..rest.security import page
from ..views import digests, pages
from ..watching import digestlist
from . import filetable
from .forms import Form, done, local
from .listing import SIZE, part

blueprint = Blueprint("watched_pages", __name__, url_prefix="/pages")
#: Digests on a page's page.
RECENT = 10
#: What has a list fetched again.
LIVE = (
    "page.checked file.found file.stored file.changed file.failed file.purged source.asked "
    "source.silent source.failing source.recovered digest.sent digest.failing digest.recovered "
    "store.damaged"
)


@blueprint.get("")
@page("read")
def listed() -> Response:
    """All watched pages by name."""
    found = named.listed(Page, cursor(str))
    some = part(pages.shown(list(found.limit(SIZE + 1))), lambda each: [each.name])
    day = activity.readings.of(current_app.config["DATABASE"])
    return make_response(render_template("pages.html", part=some, day=day, live=LIVE))


@blueprint.get("/<name>")
@page("read")
def one(name: str) -> Response:
    """A page: how it stands, its files, its digests."""
    form, shown = Form(), pages.shown([named.found(Page, name)])[0]
    table = filetable.read(form, page=name)
    return make_response(
        render_template("page.html", form=form, table=table, **_about(shown)), form.status
    )


@blueprint.post("/<name>/check")
@page("ingest", "operate")
def check(name: str) -> Response:
    """Look now."""
    pages.ask(name)
    return done(local(Form()["next"]), "done.check_asked")


def _about(shown: watched.Page) -> dict[str, Any]:
    name = shown.name
    told = digestlist.selected({"page": name}).limit(RECENT)
    started: inforce.InForce = current_app.config["IN_FORCE"]
    checks = Task.select().where(Task.kind == "check", Task.source == name)
    return {
        "page": shown,
        "day": activity.readings.of(current_app.config["DATABASE"]).of("page", name),
        "digests": [digests.shown(row) for row in told],
        "settings": started.pages.get(name),
        "asked": checks.order_by(Task.id.desc()).first(),
        "live": LIVE,
    }
