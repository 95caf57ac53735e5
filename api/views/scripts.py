"""/v1/scripts: the operator's own programs, their versions, their clocks, and how they are run."""

from flask import Blueprint, Response, current_app, request

from postroom.errors import RefusedError
from postroom.runs import (
    Advanced,
    FolderScripts,
    FolderTaken,
    TellSlots,
    ToldSlots,
)

from ..models import Script, ScriptVersion, Slot, named
from ..rest import fields
from ..rest.asked import Empty
from ..rest.bodies import answer, body_as
from ..rest.contracts import (
    IF_NONE_MATCH,
    UNCHANGED,
    Answer,
    Parameter,
    contract,
    fields_of,
    lists,
    shows,
)
from ..rest.numbers import whole
from ..rest.paging import cursor, each, limit, page
from ..rest.scripted import Deleted, Source, Version
from ..rest.scripted import Run as ShownRun
from ..rest.scripted import Script as ShownScript
from ..rest.scripted import Slot as ShownSlot
from ..rest.security import scope
from ..running import advance, runlist, runs, slots
from ..scripting import scriptdeletion, scriptfolder, scripts, scriptshown

blueprint = Blueprint("scripts", __name__, url_prefix="/v1/scripts")
KEY = Parameter("Idempotency-Key", "Names this request: sent again, it is the same run.",
                place="header", error="bad_key")  # fmt: skip
VERSION = Parameter("version", "The number of a version; without it the newest.", int,
                    error="bad_version")  # fmt: skip
BAD = ("bad_schedule", "bad_query")


@blueprint.get("")
@lists(ShownScript)
def list_scripts() -> Response:
    """All scripts by name."""
    after, size = cursor(str), limit()
    rows = list(named.listed(Script, after).limit(size + 1))
    return answer(page(rows, size, scriptshown.scripts, lambda s: [s.name]))


@blueprint.post("")
@contract(
    answers=Answer(ShownScript, 201),
    body=scripts.NewScript,
    errors=("bad_script", "name_taken", *BAD),
)
def create() -> Response:
    """Make a script."""
    script = scripts.create(current_app.config["DATABASE"], body_as(scripts.NewScript))
    return answer(scriptshown.script(script, None), 201)


@blueprint.get("/<name>")
@shows(ShownScript)
def one_script(name: str) -> Response:
    """One script."""
    return fields.one(scriptshown.scripts([scripts.found(name)])[0])


@blueprint.put("/<name>")
@contract(answers=Answer(ShownScript), body=scripts.ChangeScript, errors=BAD)
def change(name: str) -> Response:
    """Change settings of a script; what is not named stays."""
    told = body_as(scripts.ChangeScript)
    script = scripts.change(current_app.config["DATABASE"], name, told)
    return answer(scriptshown.scripts([script])[0])


@blueprint.delete("/<name>")
@contract(answers=Answer(Deleted), body=Empty)
def delete(name: str) -> Response:
    """Delete a script with all that it did."""
    config = current_app.config
    gone = scriptdeletion.delete(config["DATABASE"], config["FILES"], name)
    return answer(Deleted(name=name, runs=gone))


@blueprint.get("/<name>/source")
@contract(
    IF_NONE_MATCH,
    VERSION,
    answers=(Answer(Source, headers=("ETag",)), UNCHANGED),
    fields=fields_of(Source),
)
def one_source(name: str) -> Response:
    """The source of a script, as it is or was."""
    script = scripts.found(name)
    row = scripts.version(script, _version(script))
    return fields.one(scriptshown.source(script, row))


@blueprint.put("/<name>/source")
@contract(answers=Answer(ShownScript), body=scripts.NewSource, errors=("bad_script", "of_folder"))
def put_source(name: str) -> Response:
    """Take the next version of a script."""
    told = body_as(scripts.NewSource)
    script = scripts.replace_source(current_app.config["DATABASE"], name, told.source)
    return answer(scriptshown.scripts([script])[0])


@blueprint.get("/<name>/versions")
@lists(Version, errors=("not_found",))
def list_versions(name: str) -> Response:
    """All versions of a script, newest first."""
    script, after, size = scripts.found(name), cursor(int), limit()
    found = ScriptVersion.select().where(ScriptVersion.script == script)
    found = found.order_by(ScriptVersion.number.desc())
    if after:
        found = found.where(ScriptVersion.number < after[0])

    def show(row: ScriptVersion) -> Version:
        return scriptshown.version(script, row)

    return answer(page(list(found.limit(size + 1)), size, each(show), lambda v: [v.number]))


@blueprint.post("/<name>/run")
@scope("operate")
@contract(
    KEY,
    answers=(
        Answer(ShownRun, 201),
        Answer(ShownRun, about="The run that this key was sent for before."),
    ),
    body=runs.RunBody,
    errors=("key_reused",),
)
def run(name: str) -> Response:
    """Run a script, by hand."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= 255:
        raise RefusedError("bad_key", "an Idempotency-Key has 1 to 255 characters")
    told, script = body_as(runs.RunBody), scripts.found(name)
    id_, is_new = runs.by_hand(current_app.config["DATABASE"], script, told, key)
    return answer(runlist.one(id_), 201 if is_new else 200)


@blueprint.get("/<name>/slots")
@lists(ShownSlot, errors=("not_found",))
def list_slots(name: str) -> Response:
    """The slots of a script, newest first."""
    script, after, size = scripts.found(name), cursor(str), limit()
    found = Slot.select().where(Slot.script == script).order_by(Slot.slot.desc())
    if after:
        found = found.where(Slot.slot < after[0])
    return answer(
        page(list(found.limit(size + 1)), size, each(scriptshown.slot), lambda s: [s.slot])
    )


@blueprint.post("/<name>/slots")
@scope("run")
@contract(answers=Answer(ToldSlots), body=TellSlots, errors=("bad_time",))
def take_slots(name: str) -> Response:
    """A script's clock struck; what becomes of it."""
    told = body_as(TellSlots)
    return answer(slots.take(current_app.config["DATABASE"], name, told))


@blueprint.post("/advance")
@scope("run")
@contract(answers=Answer(Advanced), body=Empty)
def take_events() -> Response:
    """Make the runs that new mails and files call for."""
    return answer(advance.advance(current_app.config["DATABASE"]))


@blueprint.post("/folder")
@scope("run")
@contract(answers=Answer(FolderTaken), body=FolderScripts)
def take_folder() -> Response:
    """Take up the scripts of a runner's folder."""
    told = body_as(FolderScripts)
    return answer(scriptfolder.take(current_app.config["DATABASE"], told))


def _version(script: Script) -> int:
    text = request.args.get("version")
    if text is None:
        return int(script.version)
    number = whole(text, 1, 2**31 - 1)
    if number is None:
        raise RefusedError("bad_version", f"version must be a positive number, not {text[:40]!r}")
    return number
