"""The event log for people: newest first, by kind, source and time."""

from typing import Any

import msgspec
from flask import Blueprint, Response, make_response, render_template, request

from .. import eventlog
from ..models import Event
from ..rest.paging import cursor
from ..rest.security import page
from .forms import Form, shown
from .listing import SIZE, Part, part

blueprint = Blueprint("happened", __name__, url_prefix="/events")
#: Characters of details that are shown unfolded.
SHORT = 60
#: Offered where a kind is typed; others may be typed as well.
KINDS = (
    "mail.*", "file.*", "page.*", "run.*", "slot.*", "script.*", "source.*", "place.*", "store.*",
    "digest.*", "webhook.*", "quarantine.*", "disk.*", "user.*", "runner.*",
)  # fmt: skip
_FIELDS = {"bad_kind": "kind", "bad_time": "since"}


@blueprint.get("")
@page("read")
def events() -> Response:
    """What happened, newest first."""
    form, found = Form(), eventlog.Selection()
    with form.blaming(_FIELDS):
        found = eventlog.asked(_filters())
    if not form.is_fine:
        return shown("events.html", form, events=[], filters=_filters(), kinds=KINDS,
                     part=Part([], "", ""))  # fmt: skip
    return make_response(render_template("events.html", form=form, **_read(found)))


def _read(selection: eventlog.Selection) -> dict[str, Any]:
    after = cursor(int)
    found = Event.select().where(Event.id > 0, *selection.conditions()).order_by(Event.id.desc())
    if after:
        found = found.where(Event.id < after[0])
    some = part(list(found.limit(SIZE + 1)), lambda event: [event.id])
    return {
        "events": [_shown(row) for row in some.rows],
        "filters": _filters(),
        "kinds": KINDS,
        "part": some,
    }


def _shown(row: Event) -> tuple[Event, list[tuple[str, str]], bool]:
    """An event, what it is about, and whether that is short enough to be read at once."""
    about = _about(row.about)
    return row, about, sum(len(text) for _, text in about) <= SHORT


def _about(about: dict[str, Any]) -> list[tuple[str, str]]:
    """What it is about, as names and short texts; who did it is shown apart."""
    found = []
    for name, value in about.items():
        if name == "by":
            continue
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        found.append((name, text if len(text) <= 200 else text[:199] + "…"))
    return found


def _filters() -> dict[str, Any]:
    names = ("kind", "source", "since")
    return {
        name: request.args[name].strip() for name in names if request.args.get(name, "").strip()
    }
