"""Digests: what was mailed of new files, what could not be, and another try."""

from flask import Blueprint, Response, current_app, make_response, render_template

from ..models import Digest
from ..rest.paging import cursor
from ..rest.security import page
from ..views import digests
from ..watching import digestlist
from ..watching import digests as outbox
from .forms import Form, done, local
from .listing import SIZE, filters, part
from .strings import t

blueprint = Blueprint("digest_pages", __name__, url_prefix="/digests")


@blueprint.get("")
@page("read")
def listed() -> Response:
    """Digests that the filters select, newest first."""
    after, given = cursor(int), filters()
    found = digestlist.selected(given)
    if after:
        found = found.where(Digest.id < after[0])
    some = part([digests.shown(row) for row in found.limit(SIZE + 1)], lambda each: [each.id])
    states = [(state, t(f"digests.{state}")) for state in digestlist.STATES]
    return make_response(render_template("digests.html", part=some, given=given, states=states))


@blueprint.post("/<int:id_>/retry")
@page("ingest", "operate")
def retry(id_: int) -> Response:
    """Mail one now."""
    outbox.retry(current_app.config["DATABASE"], id_)
    return done(local(Form()["next"]), "done.digest_asked")
