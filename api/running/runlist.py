"""Runs as lists find them: by filters, the newest of a script, and one by its id."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Literal, get_args

import peewee

from postroom.errors import RefusedError

from ..mails.query import time_of
from ..models import Run, Script, Task
from ..rest import scripted
from ..rest.contracts import Parameter
from ..rest.scripted import Kind, RunStatus
from ..scripting import scriptshown

STATUSES: tuple[str, ...] = get_args(RunStatus)
KINDS: tuple[str, ...] = get_args(Kind)
#: The index of these holds for these very words.
_DEAD = peewee.SQL("dead_letters > 0")
FILTERS = (
    Parameter("script", "Runs of this script."),
    Parameter("status", "Runs of this status.", RunStatus, error="bad_status"),
    Parameter("trigger", "Runs that this was the reason of.", Kind, error="bad_trigger"),
    Parameter("has", "Runs that have this.", Literal["dead_letters"], error="bad_has"),
    Parameter("file", "Runs over the file of this id.", int, error="bad_number"),
    Parameter("mail", "Runs on the mail of this id.", int, error="bad_number"),
    Parameter("since", "Asked for at this date or time, or later (ISO 8601).", error="bad_time"),
)


def selected(given: Mapping[str, str]) -> Any:
    """What the filters select, newest first; RefusedError for what is no filter."""
    found = (
        Run.select(Run, Script.id, Script.name, Task.id, Task.due)
        .join(Script)
        .switch(Run)
        .join(Task)
        .order_by(Run.id.desc())
    )
    if "script" in given:
        script = Script.get_or_none(Script.name == given["script"])
        found = found.where(Run.script == (script.id if script else 0))
    if "status" in given:
        found = found.where(Run.status == _one_of("status", given["status"], STATUSES))
    if "trigger" in given:
        found = found.where(Run.kind == _one_of("trigger", given["trigger"], KINDS))
    if "file" in given:
        found = found.where(Run.file == _number("file", given["file"]))
    if "mail" in given:
        found = found.where(Run.mail == _number("mail", given["mail"]))
    if "has" in given:
        _one_of("has", given["has"], ("dead_letters",))
        found = found.where(_DEAD)
    if "since" in given:
        found = found.where(Run.id >= _first(time_of("since", given["since"])))
    return found


def newest(script: str, most: int) -> list[scripted.Run]:
    """The newest runs of a script, the newest first."""
    rows: list[Any] = []
    # The index goes by status: so no run is read that is not shown.
    for status in STATUSES:
        given = {"script": script, "status": status}
        rows.extend(selected(given).limit(most))
    rows.sort(key=attrgetter("id"), reverse=True)
    return [scriptshown.run(row) for row in rows[:most]]


def one(id_: int) -> scripted.Run:
    """A run as it is shown; RefusedError when there is none."""
    row = selected({}).where(Run.id == id_).get_or_none()
    if row is None:
        raise RefusedError("not_found", f"there is no run {id_}")
    return scriptshown.run(row)


def _first(time: str) -> int:
    """The first run of a time or later: ids rise with time, and lists go by them."""
    first = Run.select(Run.id).where(Run.created >= time).order_by(Run.created, Run.id)
    return first.limit(1).scalar() or 2**62


def _number(name: str, value: str) -> int:
    # More digits are no id, and no number that every database knows.
    if not (value.isascii() and value.isdecimal() and len(value) <= 9):
        raise RefusedError("bad_number", f"{name} is a number, not {value!r}")
    return int(value)


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise RefusedError(f"bad_{name}", f"{name} is one of {', '.join(known)}, not {value!r}")
    return value
