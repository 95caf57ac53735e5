"""What the forms about scripts hold, as the values that the API takes."""

import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Literal

import msgspec
from flask import request

from postroom.errors import RefusedError

from ..rest import scripted
from ..rest.numbers import whole
from ..rest.problems import status_of
from ..scripting import cron, scripts
from ..scripting.scripts import ChangeScript
from .forms import Form
from .scriptlook import exact
from .strings import t

#: Numbers that are empty where nothing is limited.
_NUMBERS = ("seconds", "megabytes", "retries", "keep_runs", "keep_days", "keep_megabytes")
_TEXTS = ("description", "on_mail", "on_file", "overlap", "missed", "time_zone")
#: Seconds of the units that a pause is given in.
UNITS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
Clock = Literal["none", "repeat", "cron"]
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]*)?", re.A)


def source(form: Form) -> str:
    """The source of a script: of the file that was chosen, else of the field."""
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return form["source"].replace("\r\n", "\n")
    try:
        text: str = upload.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        form.refuse("file", t("script.not_text", name=PurePath(upload.filename).name))
        return ""
    return text.replace("\r\n", "\n")


def json_object(form: Form, name: str) -> dict[str, Any]:
    """A field that holds a JSON object; {} for an empty one, and for one that is refused."""
    if not form[name].strip():
        return {}
    try:
        value = msgspec.json.decode(form[name])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as e:
        form.refuse(name, t("script.bad_json", why=str(e)))
        return {}
    if not isinstance(value, dict):
        form.refuse(name, t("script.no_object"))
        return {}
    return value


def number(form: Form, name: str) -> int | None:
    """A field that holds the id of something; None where it is empty or refused."""
    text = form[name].strip()
    if not text:
        return None
    found = whole(text, 1, 2**63 - 1)
    if found is None:
        form.refuse(name, t("script.no_number"))
    return found


def settings(form: Form) -> ChangeScript:
    """All settings of a script; what is wrong is told at its field."""
    given: dict[str, Any] = {name: form[name].strip() for name in _TEXTS}
    given |= {"enabled": "enabled" in request.form, "network": "network" in request.form}
    given["arguments"] = json_object(form, "arguments")
    given["secrets"] = form["secrets"].split()
    for name in _NUMBERS:
        given[name] = _decimal(form, name)
    given |= _clock(form)
    for name, value in given.items():
        _check(form, name, value)
    for name, check in _MEANING.items():
        if given[name] or name == "time_zone":
            _ask(form, name, given[name], check)
    return msgspec.convert(given, ChangeScript) if form.is_fine else ChangeScript()


def clock_of(script: scripted.Script) -> Clock:
    """Which kind of clock a script has."""
    if script.cron:
        return "cron"
    return "repeat" if script.scheduled_time else "none"


def pause_of(script: scripted.Script) -> tuple[str, str]:
    """The pause of a script's clock in the largest unit that is whole, and that unit."""
    for unit, length in reversed(UNITS.items()):
        if script.repeat_after and script.repeat_after % length == 0:
            return exact(script.repeat_after / length), unit
    return (exact(script.repeat_after), "seconds") if script.repeat_after else ("", "hours")


def _clock(form: Form) -> dict[str, Any]:
    found: dict[str, Any] = {"cron": "", "scheduled_time": None, "repeat_after": 0.0}
    if form["clock"] == "cron":
        if not form["cron"].strip():
            form.refuse("cron", t("settings.no_cron"))
        return found | {"cron": form["cron"].strip()}
    if form["clock"] == "repeat":
        if not form["scheduled_time"]:
            form.refuse("scheduled_time", t("settings.no_first"))
        pause = _decimal(form, "pause") * UNITS.get(form["unit"], 1)
        if 0 < pause < 1:
            form.refuse("pause", t("settings.short_pause"))
        return found | {"scheduled_time": form["scheduled_time"], "repeat_after": pause}
    return found


def _decimal(form: Form, name: str) -> float:
    text = form[name].strip().replace(",", ".") or "0"
    if not _DECIMAL.fullmatch(text):
        form.refuse(name, t("settings.no_decimal"))
        return 1.0
    value = float(text)
    # What is whole is a number of megabytes, too.
    return int(value) if value.is_integer() else value


def _check(form: Form, name: str, value: Any) -> None:
    """Tell at its field what a value breaks of the bounds that the API has."""
    at = {"repeat_after": "pause"}.get(name, name)
    if at in form.errors:
        return
    try:
        msgspec.convert({name: value}, ChangeScript)
    except msgspec.ValidationError as e:
        why = str(e).partition(" - at ")[0]
        is_secret = name == "secrets"
        form.refuse(
            at, t("settings.bad_secret" if is_secret else "settings.out_of_bounds", why=why)
        )


def _ask(form: Form, name: str, value: str, check: Callable[[str], Any]) -> None:
    """Tell at its field what the API says of a text that has a language of its own."""
    try:
        check(value)
    except RefusedError as e:
        form.refuse(name, str(e), status_of(e.code))


#: What is more than bounds: all of it is told at once.
_MEANING: dict[str, Callable[[str], Any]] = {
    "time_zone": scripts.check_zone,
    "cron": cron.check,
    "on_mail": scripts.check_query,
}
