"""Settings: mailboxes, how they fare, and what their providers are asked to do."""

from typing import Any

from flask import Blueprint, Response, make_response, render_template, url_for

from ..models import Mailbox, Task
from ..rest.security import page
from ..views import mailboxes
from .forms import done

blueprint = Blueprint("mailboxpages", __name__, url_prefix="/settings/mailboxes")
ASKED = ("sync", "verify")


@blueprint.get("")
@page("read")
def listed() -> Response:
    """All mailboxes that are configured or were ever heard of."""
    rows = [
        (mailboxes.shown(box), [task for kind in ASKED if (task := _last(kind, box.name))])
        for box in Mailbox.select().order_by(Mailbox.name)
    ]
    return make_response(render_template("mailboxes.html", mailboxes=rows))


@blueprint.post("/<name>/sync")
@page("ingest", "operate")
def sync(name: str) -> Response:
    """Look now."""
    mailboxes.ask("sync", name)
    return done(url_for("mailboxpages.listed"), "done.sync_asked")


@blueprint.post("/<name>/verify")
@page("ingest", "operate")
def verify(name: str) -> Response:
    """Log in anew, list, and say what was found."""
    mailboxes.ask("verify", name)
    return done(url_for("mailboxpages.listed"), "done.verify_asked")


def _last(kind: str, name: str) -> Any:
    own = Task.select().where(Task.kind == kind, Task.source == name)
    return own.order_by(Task.id.desc()).first()
