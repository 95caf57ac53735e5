"""Scripts: their settings, and the versions of their sources."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import peewee
from msgspec import UNSET, Meta, UnsetType

from postroom.errors import RefusedError

from ..database import Database
from ..log import events
from ..models import Event, Script, ScriptVersion, named, now
from ..schedule import stamp
from ..search.querylang import parse
from . import compiling, cron

#: What a script is called in addresses, in folders and by people.
NAME = r"^\w[\w.-]{0,99}\Z"
ALL = "*"
_SCHEDULE = frozenset({"enabled", "scheduled_time", "repeat_after", "cron", "time_zone", "missed"})
_EVENTS = frozenset({"enabled", "on_mail", "on_file"})
Name = Annotated[str, Meta(pattern=NAME)]
Source = Annotated[str, Meta(max_length=compiling.MAX_SOURCE)]
_Text = Annotated[str, Meta(max_length=2_000)]
_Kept = Annotated[float, Meta(ge=0, le=1e9)]


class ChangeScript(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a script; what is not named stays as it is."""

    description: Annotated[str, Meta(max_length=10_000)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    arguments: dict[str, Any] | UnsetType = UNSET
    secrets: Annotated[list[Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}\Z")]],
                       Meta(max_length=100)] | UnsetType = UNSET  # fmt: skip
    seconds: Annotated[float, Meta(gt=0, le=86_400)] | UnsetType = UNSET
    megabytes: Annotated[int, Meta(ge=16, le=1_000_000)] | UnsetType = UNSET
    network: bool | UnsetType = UNSET
    scheduled_time: Annotated[str, Meta(max_length=40)] | UnsetType | None = UNSET
    repeat_after: Annotated[float, Meta(ge=0, le=1e9)] | UnsetType = UNSET
    cron: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    time_zone: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    on_mail: _Text | UnsetType = UNSET
    on_file: _Text | UnsetType = UNSET
    overlap: Literal["skip", "queue", "allow"] | UnsetType = UNSET
    missed: Literal["once", "all", "skip"] | UnsetType = UNSET
    retries: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    keep_runs: Annotated[int, Meta(ge=0, le=10**9)] | UnsetType = UNSET
    keep_days: _Kept | UnsetType = UNSET
    keep_megabytes: _Kept | UnsetType = UNSET


class NewScript(ChangeScript, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A script and its source."""

    name: Name
    source: Source


class NewSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next version of a script."""

    source: Source


def found(name: str) -> Script:
    """The script of that name; RefusedError when there is none."""
    return named.found(Script, name)


def create(db: Database, told: NewScript) -> Script:
    """Make a script."""
    compiling.check(told.name, told.source)
    with db.writing():
        if Script.select().where(Script.name == told.name).exists():
            raise RefusedError("name_taken", f"there is a script {told.name!r} already")
        script = begin(told.name, "api")
        _set(script, told)
        add_version(script, told.source)
    return script


def begin(name: str, origin: str) -> Script:
    """A row for a script that knows nothing of the past; call it inside a write transaction."""
    script: Script = Script.create(name=name, origin=origin, event=last_event())
    return script


def change(db: Database, name: str, told: ChangeScript) -> Script:
    """Change settings."""
    with db.writing():
        script = found(name)
        if changed := _set(script, told):
            events.tell("script.changed", name, version=script.version, changed=changed)
    return script


def replace_source(db: Database, name: str, source: str) -> Script:
    """Take the next version of a script; the same source again makes none."""
    compiling.check(name, source)
    with db.writing():
        script = found(name)
        if script.origin == "folder":
            raise RefusedError(
                "of_folder", f"{name} is a file in a runner's folder of scripts: change it there"
            )
        add_version(script, source)
    return script


def add_version(script: Script, source: str) -> bool:
    """Keep a source as the newest version; False when it is that already."""
    digest = compiling.sha256(source)
    newest = ScriptVersion.get_or_none(
        ScriptVersion.script == script, ScriptVersion.number == script.version
    )
    if newest is not None and newest.sha256 == digest:
        return False
    script.version += 1
    script.changed = now()
    script.save()
    ScriptVersion.create(script=script, number=script.version, sha256=digest, source=source)
    what = ["source"] if script.version > 1 else ["new"]
    events.tell("script.changed", script.name, version=script.version, changed=what)
    return True


def version(script: Script, number: int) -> ScriptVersion:
    """A version of a script; RefusedError when there is none of that number."""
    row: ScriptVersion | None = ScriptVersion.get_or_none(
        ScriptVersion.script == script, ScriptVersion.number == number
    )
    if row is None:
        raise RefusedError("not_found", f"{script.name} has no version {number}")
    return row


def last_event() -> int:
    """Where the log of events ends."""
    return int(Event.select(peewee.fn.MAX(Event.id)).scalar() or 0)


def _set(script: Script, told: ChangeScript) -> list[str]:
    """Put the settings that are told into a row; the names of those that differ."""
    given = {
        name: value
        for name in ChangeScript.__struct_fields__
        if (value := getattr(told, name)) is not UNSET
    }
    if "scheduled_time" in given:
        given["scheduled_time"] = _time(given["scheduled_time"])
    changed = [name for name, value in given.items() if getattr(script, name) != value]
    for name in changed:
        setattr(script, name, given[name])
    _check(script)
    # What was before the change is nobody's business: it neither runs nor is missed.
    if _SCHEDULE.intersection(changed):
        script.planned = now()
    if _EVENTS.intersection(changed):
        script.event = last_event()
    if changed:
        script.changed = now()
        script.save()
    return changed


def _time(text: str | None) -> str:
    if not text:
        return ""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise _bad(f"scheduled_time is a time in ISO 8601, not {text!r}") from e
    return stamp(at if at.tzinfo else at.replace(tzinfo=UTC))


def _check(script: Script) -> None:
    if script.cron:
        cron.check(script.cron)
        if script.scheduled_time:
            raise _bad("a script has cron, or scheduled_time with repeat_after, not both")
    if script.repeat_after and not script.scheduled_time:
        raise _bad("repeat_after counts from scheduled_time: give both")
    if 0 < script.repeat_after < 1:
        raise _bad("repeat_after is 0, or a second and more")
    check_zone(script.time_zone)
    if script.on_mail:
        check_query(script.on_mail)


def check_zone(name: str) -> None:
    """Raise RefusedError for what is no time zone."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as e:
        raise _bad(f"there is no time zone {name!r}: take one as Europe/Paris") from e


def check_query(query: str) -> None:
    """Raise RefusedError for what selects no mails."""
    if query != ALL:
        parse(query)


def _bad(text: str) -> RefusedError:
    return RefusedError("bad_schedule", text)
