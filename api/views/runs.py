"""/v1/runs: what ran, what waits, what came of it; and what runners say of it."""

from typing import BinaryIO
from urllib.parse import quote

from flask import Blueprint, Response, current_app, request

from postroom.errors import ObjectMissingError, RefusedError
from postroom.runs import (
    ClaimedRuns,
    ClaimRuns,
    DeadLetter,
    DeadLetters,
    FinishedRun,
    FinishRun,
    GiveBackRun,
    LogPiece,
    LogTaken,
    RenewedRun,
    RenewRun,
)

from ..models import Run
from ..rest import fields, ranges
from ..rest.asked import Empty
from ..rest.bodies import answer, body_as
from ..rest.contracts import RANGED, Answer, Parameter, content, contract, lists, shows
from ..rest.numbers import whole
from ..rest.paging import cursor, each, limit, page
from ..rest.scripted import Log
from ..rest.scripted import Run as ShownRun
from ..rest.security import scope
from ..running import deadletters, leases, runlist, runlog, runs
from ..scripting import scriptshown
from .mails import UNTRUSTED

_GONE = "these bytes are gone from the storage: run the script again"
blueprint = Blueprint("runs", __name__, url_prefix="/v1/runs")
STREAM = Parameter("stream", "`out` or `err`.", str, "out", error="bad_stream")
OFFSET = Parameter("offset", "`next` of the part before.", int, 0, error="bad_number")
ATTEMPT = Parameter("attempt", "That of an earlier attempt.", int, error="bad_number")


@blueprint.get("")
@lists(ShownRun, *runlist.FILTERS)
def list_runs() -> Response:
    """Runs that the filters select, newest first."""
    after, size = cursor(int), limit()
    found = runlist.selected(request.args)
    if after:
        found = found.where(Run.id < after[0])
    rows = list(found.limit(size + 1))
    return answer(page(rows, size, each(scriptshown.run), lambda r: [r.id]))


@blueprint.get("/<int:id_>")
@shows(ShownRun)
def one_run(id_: int) -> Response:
    """One run."""
    return fields.one(runlist.one(id_))


@blueprint.get("/<int:id_>/log")
@contract(STREAM, OFFSET, ATTEMPT, answers=Answer(Log))
def read_log(id_: int) -> Response:
    """What a run wrote, from an offset on, also while it goes on."""
    run = runs.found(id_)
    stream = request.args.get("stream", "out")
    if stream not in runlog.STREAMS:
        raise RefusedError("bad_stream", f"stream is out or err, not {stream!r}")
    attempt = _number("attempt", run.attempt)
    return answer(runlog.read(run, stream, attempt, _number("offset", 0)))


@blueprint.get("/<int:id_>/output")
@contract(
    *RANGED,
    answers=content("text/plain"),
    errors=("no_output", "object_missing"),
)
def output(id_: int) -> Response:
    """A run's output.txt."""
    run = runs.found(id_)
    if not run.output_key:
        raise RefusedError("no_output", f"run {id_} has no output: it is {run.status}")
    name = f"{run.script.name}-{id_}.txt"
    return _sent(run.output_key, run.output_size, run.output_sha256, name,
                 "text/plain; charset=utf-8")  # fmt: skip


@blueprint.get("/<int:id_>/artefacts/<int:number>")
@contract(*RANGED, answers=content("application/octet-stream"), errors=("object_missing",))
def artefact(id_: int, number: int) -> Response:
    """A file that a run made besides."""
    run = runs.found(id_)
    if not 1 <= number <= len(run.artefacts):
        raise RefusedError("not_found", f"run {id_} has no artefact {number}")
    found = run.artefacts[number - 1]
    if not found["key"]:
        raise RefusedError("object_missing", _GONE)
    return _sent(found["key"], found["size"], found["sha256"], found["name"],
                 "application/octet-stream")  # fmt: skip


@blueprint.post("/<int:id_>/retry")
@scope("operate")
@contract(answers=Answer(ShownRun, 201), body=Empty, errors=("not_over",))
def retry(id_: int) -> Response:
    """Run the same again, with the script as it is now."""
    return answer(runlist.one(runs.again(current_app.config["DATABASE"], id_)), 201)


@blueprint.post("/<int:id_>/stop")
@scope("operate")
@contract(answers=Answer(ShownRun), body=Empty)
def stop(id_: int) -> Response:
    """End a run: at once while it waits, else its runner is told."""
    runs.stop(current_app.config["DATABASE"], id_)
    return answer(runlist.one(id_))


@blueprint.post("/claim")
@scope("run")
@contract(answers=Answer(ClaimedRuns), body=ClaimRuns)
def claim() -> Response:
    """Give out runs that are due, for a time."""
    return answer(leases.claim(current_app.config["DATABASE"], body_as(ClaimRuns)))


@blueprint.post("/<int:id_>/renew")
@scope("run")
@contract(answers=Answer(RenewedRun), body=RenewRun, errors=("lease_lost",))
def renew(id_: int) -> Response:
    """A runner is still at it."""
    return answer(leases.renew(current_app.config["DATABASE"], id_, body_as(RenewRun)))


@blueprint.post("/<int:id_>/log")
@scope("run")
@contract(answers=Answer(LogTaken), body=LogPiece, errors=("lease_lost", "bad_offset"))
def take_log(id_: int) -> Response:
    """Keep what a script wrote."""
    return answer(leases.log(current_app.config["DATABASE"], id_, body_as(LogPiece)))


@blueprint.post("/<int:id_>/finish")
@scope("run")
@contract(
    answers=Answer(FinishedRun),
    body=FinishRun,
    errors=("lease_lost", "storage_mismatch", "bad_offset"),
)
def finish(id_: int) -> Response:
    """Note how a run ended."""
    config, told = current_app.config, body_as(FinishRun)
    return answer(leases.finish(config["DATABASE"], config["FILES"], id_, told))


@blueprint.post("/<int:id_>/return")
@scope("run")
@contract(answers=Answer(FinishedRun), body=GiveBackRun, errors=("lease_lost",))
def give_back(id_: int) -> Response:
    """Let a run wait for another runner."""
    return answer(leases.give_back(current_app.config["DATABASE"], id_, body_as(GiveBackRun)))


@blueprint.post("/<int:id_>/dead-letters")
@scope("run")
@contract(answers=Answer(DeadLetters), body=DeadLetter)
def dead_letter(id_: int) -> Response:
    """Note that the queue of the runners gave up a message about a run."""
    return answer(deadletters.take(current_app.config["DATABASE"], id_, body_as(DeadLetter)))


def _sent(key: str, size: int, sha256: str, name: str, kind: str) -> Response:
    def read(start: int, length: int) -> BinaryIO:
        try:
            stream: BinaryIO = current_app.config["FILES"].open_read(key, start, length)
        except ObjectMissingError as e:
            raise RefusedError("object_missing", _GONE) from e
        return stream

    told = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    headers = {**UNTRUSTED, "Content-Disposition": told}
    return ranges.send(size, sha256, read, headers, kind)


def _number(name: str, default: int) -> int:
    text = request.args.get(name, str(default))
    number = whole(text, 0, 2**63 - 1)
    if number is None:
        raise RefusedError("bad_number", f"{name} is a number from 0 on, not {text[:40]!r}")
    return number
