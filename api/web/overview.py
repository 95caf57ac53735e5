"""How everything stands: what needs attention, what came, each source with a mark."""

from collections.abc import Sequence

from flask import Blueprint, Response, current_app, make_response, render_template, url_for

from .. import activity
from ..models import Mailbox, Page, Script
from ..rest import scripted
from ..rest.security import page
from ..scripting import scriptshown
from ..telling import alarms, attention
from ..views import mailboxes, pages
from .forms import done

blueprint = Blueprint("overview", __name__)
#: A list that is longer has a page of its own.
MOST = 500
#: Those first, in this order; all else by name.
WORST = ("failing", "silent", "error")
#: What has the page fetched again; no mail by itself changes a state.
LIVE = (
    "mail.stored mail.quarantined file.stored file.changed file.failed page.checked run.finished "
    "run.lost script.changed slot.missed source.silent source.failing source.recovered "
    "quarantine.growing quarantine.recovered disk.low disk.recovered runner.absent runner.returned"
)
#: Bytes of the units that a chart may have, the largest first.
UNITS = {"GB": 1e9, "MB": 1e6, "kB": 1e3}


@blueprint.get("/")
@page("read")
def overview() -> Response:
    """The first page."""
    boxes = [mailboxes.shown(row) for row in Mailbox.select().order_by(Mailbox.name).limit(MOST)]
    watched = pages.shown(list(Page.select().order_by(Page.name).limit(MOST)))
    scripts = scriptshown.scripts(list(Script.select().order_by(Script.name).limit(MOST)))
    boxes.sort(key=lambda each: _rank(each.state))
    watched.sort(key=lambda each: _rank(each.state))
    scripts.sort(key=lambda each: _rank(script_state(each)))
    day = activity.readings.of(current_app.config["DATABASE"])
    unit = next((unit for unit in UNITS if max(day.volume) >= UNITS[unit]), "kB")
    return make_response(
        render_template(
            "overview.html",
            mailboxes=boxes,
            pages=watched,
            scripts=scripts,
            script_state=script_state,
            attention=attention.now_needed(),
            activity=day,
            throughput=list(zip(day.labels, day.mails, strict=True)),
            volume=list(zip(day.labels, _scaled(day.volume, unit), strict=True)),
            unit=unit,
            live=LIVE,
        )
    )


@blueprint.post("/alarms/<int:id_>/acknowledge")
@page("operate")
def acknowledge(id_: int) -> Response:
    """Say that somebody knows of an alarm."""
    alarms.acknowledge(current_app.config["DATABASE"], id_)
    return done(url_for("overview.overview"), "done.acknowledged")


def script_state(script: scripted.Script) -> str:
    """The mark that a script has."""
    if not script.enabled:
        return "off"
    return script.last_run.status if script.last_run else "new"


def _rank(state: str) -> int:
    return WORST.index(state) if state in WORST else len(WORST)


def _scaled(volume: Sequence[int], unit: str) -> list[float]:
    return [size / UNITS[unit] for size in volume]
