"""Scripts that are files in a runner's folder, taken up by name; none is ever deleted for it."""

import re

from postroom.errors import RefusedError
from postroom.runs import FolderScript, FolderScripts, FolderTaken

from ..database import Database
from ..log import events
from ..models import Script, now
from . import compiling, scripts

FOLDER = "folder"


def take(db: Database, told: FolderScripts) -> FolderTaken:
    """Know all scripts of the folder as they are now; where none changed, nothing is written."""
    faults = {name: _fault(name, source) for name, source in told.scripts.items()}
    if not any(_is_news(name, told.scripts, faults) for name in _names(told)):
        return FolderTaken(items=[_take(name, told.scripts, faults) for name in _names(told)])
    with db.writing():
        return FolderTaken(items=[_take(name, told.scripts, faults) for name in _names(told)])


def _names(told: FolderScripts) -> list[str]:
    here = Script.select(Script.name).where(Script.origin == FOLDER, Script.gone == "")
    return sorted({*told.scripts, *(name for (name,) in here.tuples())})


def _fault(name: str, source: str) -> str:
    if not re.search(scripts.NAME, name):
        return "a script's name has letters, digits, _, . and -, at most 100, no other first than _"
    try:
        compiling.check(name, source)
    except RefusedError as e:
        return str(e)
    return ""


def _is_news(name: str, given: dict[str, str], faults: dict[str, str]) -> bool:
    if faults.get(name):
        return False
    script = Script.get_or_none(Script.name == name)
    if script is None or name not in given or script.gone:
        return True
    if script.origin != FOLDER:
        return False
    held = scripts.version(script, script.version).sha256
    return bool(held != compiling.sha256(given[name]))


def _take(name: str, given: dict[str, str], faults: dict[str, str]) -> FolderScript:
    script = Script.get_or_none(Script.name == name)
    if name not in given:
        return _lose(script)
    number = script.version if script else 0
    if reason := faults[name]:
        return FolderScript(name=name, status="refused", version=number, reason=reason)
    if script is None:
        script = scripts.begin(name, FOLDER)
        scripts.add_version(script, given[name])
        return FolderScript(name=name, status="new", version=script.version)
    if script.origin != FOLDER:
        reason = "there is a script of this name that was made by the API: rename the file"
        return FolderScript(name=name, status="refused", version=number, reason=reason)
    if script.gone:
        _come_back(script)
    is_changed = _is_news(name, given, faults) and scripts.add_version(script, given[name])
    return FolderScript(
        name=name, status="changed" if is_changed else "same", version=script.version
    )


def _lose(script: Script) -> FolderScript:
    script.gone, script.changed = now(), now()
    script.enabled = False
    script.save()
    events.tell("script.changed", script.name, version=script.version, changed=["gone"])
    reason = "its file is not in the folder: it is disabled, all that it did is kept"
    return FolderScript(name=script.name, status="disabled", version=script.version, reason=reason)


def _come_back(script: Script) -> None:
    """What was disabled for its absence is as before, and answers for nothing meanwhile."""
    script.gone, script.enabled, script.changed = "", True, now()
    script.planned, script.event = now(), scripts.last_event()
    script.save()
    events.tell("script.changed", script.name, version=script.version, changed=["back"])
