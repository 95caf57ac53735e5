"""What is set aside: why, its bytes where there are some, and another try."""

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for

from ..mails import quarantine as aside
from ..models import Mailbox, Quarantine
from ..rest.paging import cursor
from ..rest.security import page
from ..views.log import quarantined
from .forms import Form, done, shown
from .listing import SIZE, part
from .strings import t

blueprint = Blueprint("quarantine", __name__, url_prefix="/quarantine")


@blueprint.get("")
@page("read")
def listed() -> Response:
    """Items without a usable record, newest first."""
    return make_response(render_template("quarantine.html", form=Form(), **_listed()))


@blueprint.post("/<int:id_>/retry")
@page("ingest", "operate")
def retry(id_: int) -> Response:
    """Try one again."""
    form = Form()
    with form.blaming({"superseded": "item"}):
        aside.retry(current_app.config["DATABASE"], id_)
    if not form.is_fine:
        return shown("quarantine.html", form, **_listed())
    return done(_back(), "done.retry_asked")


@blueprint.post("/retry")
@page("ingest", "operate")
def retry_all() -> Response:
    """Try all that the filters select."""
    told = aside.retry_all(current_app.config["DATABASE"], _filters())
    return done(_back(), "done.retries_partly" if told["superseded"] else "done.retries_asked")


def _listed() -> dict[str, object]:
    after, found = cursor(int), aside.selected(_filters())
    if after:
        found = found.where(Quarantine.id < after[0])
    rows = list(found.limit(SIZE + 1))
    some = part(rows, lambda row: [row.id], path=url_for("quarantine.listed"))
    return {
        "items": [(quarantined(row), _raw(row)) for row in some.rows],
        "filters": _filters(),
        "mailboxes": _choice(box.name for box in Mailbox.select().order_by(Mailbox.name)),
        "stages": _choice(aside.STAGES),
        "part": some,
    }


def _choice(names: Iterable[str]) -> list[tuple[str, str]]:
    return [("", t("filter.all")), *((name, name) for name in names)]


def _raw(row: Quarantine) -> int | None:
    """The mail whose bytes are kept; None where there are none."""
    mail = row.place.mail
    return mail.id if mail is not None and mail.has_raw else None


def _filters() -> dict[str, Any]:
    return {name: request.args[name] for name in ("mailbox", "stage") if request.args.get(name)}


def _back() -> str:
    return url_for("quarantine.listed", **_filters())
