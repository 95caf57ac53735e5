"""How everything stands: mailboxes, pages and scripts, each with a mark."""

from flask import Blueprint, Response, make_response, render_template

from .. import scriptshown
from ..models import Mailbox, Page, Script
from ..security import page
from ..views import mailboxes, pages

blueprint = Blueprint("overview", __name__)
#: A list that is longer has a page of its own.
MOST = 500
TROUBLE = ("silent", "failing", "error")


@blueprint.get("/")
@page("read")
def overview() -> Response:
    """The first page."""
    boxes = [mailboxes.shown(row) for row in Mailbox.select().order_by(Mailbox.name).limit(MOST)]
    watched = pages.shown(list(Page.select().order_by(Page.name).limit(MOST)))
    scripts = scriptshown.scripts(list(Script.select().order_by(Script.name).limit(MOST)))
    states: list[str] = [box.state for box in boxes] + [one.state for one in watched]
    states += [each.last_run.status for each in scripts if each.last_run and each.enabled]
    return make_response(
        render_template(
            "overview.html",
            mailboxes=boxes,
            pages=watched,
            scripts=scripts,
            trouble=sum(state in TROUBLE for state in states),
        )
    )
