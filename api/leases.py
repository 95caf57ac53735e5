"""Runs as runners have them: leased, renewed, logged, ended. Every word names its lease."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import peewee

from postroom.errors import RefusedError
from postroom.runs import (
    ClaimedRun,
    ClaimedRuns,
    ClaimRuns,
    FinishedRun,
    FinishRun,
    GiveBackRun,
    LogPiece,
    LogTaken,
    RenewedRun,
    RenewRun,
)
from postroom.storage import BadKeyError, Storage
from postroom.storage.keys import check_key

from . import attendance, lost, runlog, runs, stores, tasks
from .database import Database
from .deliveries import MAX_LINE, clean
from .models import Run, Script, ScriptVersion, Task, database, now
from .schedule import next_try, stamp

#: Where a run's objects stand; an attempt has a folder of its own.
OBJECTS = "runs/"
TOKEN = "pr_run_"  # noqa: S105 - how such a token begins, not one
#: The index of tokens holds for these very words.
_HAS_TOKEN = peewee.SQL("token <> ''")
#: Of each script: whether one of its runs is under way, and the first that waits and is due.
_WAITING = """
    SELECT s.id, s.overlap,
        EXISTS(SELECT 1 FROM runs r WHERE r.script_id = s.id AND r.status = 'pending'
            AND r.claim > ''),
        (SELECT r.id FROM runs r JOIN tasks t ON t.id = r.task_id WHERE r.script_id = s.id
            AND r.status = 'pending' AND r.claim = '' AND t.due <= {0} ORDER BY r.id LIMIT 1)
    FROM scripts s"""
_NEXT = """
    SELECT r.id FROM runs r JOIN tasks t ON t.id = r.task_id WHERE r.script_id = {0}
    AND r.status = 'pending' AND r.claim = '' AND t.due <= {0} ORDER BY r.id LIMIT {0}"""


def claim(db: Database, asked: ClaimRuns) -> ClaimedRuns:
    """Lease runs that are due, the oldest first; asking for nothing that there is writes nothing.

    Of a script whose runs must not overlap there is one at a time.
    """
    attendance.heard(db)
    if not (lost.is_any() or _due(asked.most, asked.run)):
        return ClaimedRuns()
    with db.writing():
        lost.settle()
        ids = _due(asked.most, asked.run)
        return ClaimedRuns(runs=[_give(id_, asked) for id_ in ids])


def _due(most: int, run: int | None) -> list[int]:
    time, p = now(), database.param
    found: list[int] = []
    for script, overlap, is_busy, first in database.execute_sql(_WAITING.format(p), (time,)):
        if first is None or (overlap != "allow" and is_busy):
            continue
        if run is not None:
            found += _this(run, script, time)
        elif overlap == "allow" and most > 1:
            rows = database.execute_sql(_NEXT.format(p), (script, time, most))
            found += [id_ for (id_,) in rows]
        else:
            found.append(first)
    return sorted(found)[:most]


def _this(run: int, script: int, time: str) -> list[int]:
    is_due = Run.select(Run.id).join(Task).where(
        Run.id == run, Run.script == script, Run.status == "pending", Run.claim == "",
        Task.due <= time,
    )  # fmt: skip
    return [id_ for (id_,) in is_due.tuples()]


def _give(id_: int, asked: ClaimRuns) -> ClaimedRun:
    run = runs.found(id_)
    script = run.script
    token = TOKEN + secrets.token_urlsafe(32) if script.network else ""
    until = _until(asked.lease_seconds)
    since = _since(script)
    run.claim, run.worker, run.attempt = secrets.token_hex(16), asked.worker, run.attempt + 1
    run.version, run.started, run.ended = script.version, now(), ""
    run.changed = run.started
    run.token = hashlib.sha256(token.encode()).hexdigest() if token else ""
    run.log_out = run.log_err = 0
    run.save()
    tasks.lease_until(run.task_id, asked.worker, until)
    source = ScriptVersion.get(
        ScriptVersion.script == script, ScriptVersion.number == script.version
    ).source
    return ClaimedRun(
        run=run.id,
        claim=run.claim,
        attempt=run.attempt,
        lease_until=until,
        script=script.name,
        version=run.version,
        source=source,
        arguments=run.arguments,
        trigger=run.trigger,
        since=since,
        secrets=script.secrets,
        seconds=script.seconds,
        megabytes=script.megabytes,
        network=script.network,
        mail=run.mail,
        file=run.file,
        api_token=token,
    )


def _since(script: Script) -> str:
    last = Run.select(Run.started).where(Run.script == script, Run.status == "completed")
    return last.order_by(Run.id.desc()).limit(1).scalar() or ""


def _until(seconds: float) -> str:
    return stamp(datetime.now(UTC) + timedelta(seconds=seconds))


def renew(db: Database, id_: int, told: RenewRun) -> RenewedRun:
    """Let a lease go on, and say whether the run is to be stopped."""
    until = _until(told.lease_seconds)
    with db.writing():
        run = _held(id_, told.claim)
        tasks.lease_until(run.task_id, run.worker, until)
    return RenewedRun(stop=run.stop, lease_until=until)


def log(db: Database, id_: int, told: LogPiece) -> LogTaken:
    """Keep a piece of what a run writes; what is known already changes nothing."""
    with db.writing():
        run = _held(id_, told.claim)
        size = runlog.append(run, told.stream, told.offset, clean(told.text))
    return LogTaken(offset=size, stop=run.stop)


def finish(db: Database, store: Storage, id_: int, told: FinishRun) -> FinishedRun:
    """End a run, or let it wait for its next try when the script says so."""
    if told.storage not in ("", store.id):
        raise RefusedError(
            "storage_mismatch",
            f"the runner keeps outputs in the store {told.storage}, the API reads from {store.id}: "
            "both must use the same [storage]; SQLite and directory stores serve one host only",
        )
    number = store.batch()
    with db.writing():
        run = _held(id_, told.claim)
        for piece in told.log:
            size = runlog.append(run, piece.stream, piece.offset, clean(piece.text))
            setattr(run, f"log_{piece.stream}", size)
        _keep(run, told)
        if told.output or told.artefacts:
            stores.rely(store.id, number, "runs")
        if told.status == "error" and runs.may_retry(run):
            due = next_try(run.attempt)
            run.ended = now()
            runs.wait_again(run, told.error or "no reason", due)
            return FinishedRun(run=id_, status="pending", due=due)
        error = told.error if told.status == "completed" else told.error or "no reason"
        runs.end(run, told.status, error)
    return FinishedRun(run=id_, status=told.status)


def give_back(db: Database, id_: int, told: GiveBackRun) -> FinishedRun:
    """Let a run wait again as if this attempt had never been; one that is to be stopped ends."""
    with db.writing():
        run = _held(id_, told.claim)
        if run.stop:
            runs.end(run, "error", "stopped")
            return FinishedRun(run=id_, status="error")
        runlog.forget(run)
        run.attempt, run.started = run.attempt - 1, ""
        due = _until(told.after_seconds)
        runs.wait_again(run, told.reason, due)
    return FinishedRun(run=id_, status="pending", due=due)


def _keep(run: Any, told: FinishRun) -> None:
    _check_keys(run, [each.key for each in (told.output, *told.artefacts) if each])
    output = told.output
    run.exit_code, run.isolation = told.exit_code, told.isolation
    run.output_key = output.key if output else ""
    run.output_size = output.size if output else 0
    run.output_sha256 = output.sha256 if output else ""
    run.artefacts = [
        {"name": clean(each.name, MAX_LINE), "key": each.key, "size": each.size,
         "sha256": each.sha256, "type": clean(each.type, MAX_LINE)}
        for each in told.artefacts
    ]  # fmt: skip
    run.size = run.output_size + sum(each.size for each in told.artefacts)


def _check_keys(run: Any, keys: Sequence[str]) -> None:
    begin = f"{OBJECTS}{run.id}/{run.attempt}/"
    for key in keys:
        try:
            check_key(key)
        except BadKeyError as e:
            raise RefusedError("bad_body", str(e)) from e
        if not key.startswith(begin):
            raise RefusedError("bad_body", f"the objects of this attempt stand under {begin}")


def is_token(digest: str) -> bool:
    """Whether this is the hash of a token that a run reads the API with, now."""
    found = Run.select().join(Task).where(
        _HAS_TOKEN, Run.token == digest, Run.claim > "", Task.lease_until >= now()
    )  # fmt: skip
    return bool(found.exists())


def _held(id_: int, claim: str) -> Any:
    """The run, while this very lease lasts; call it inside a write transaction."""
    run = (
        Run.select(Run, Script)
        .join(Script)
        .switch(Run)
        .join(Task)
        .where(
            Run.id == id_,
            Run.claim == claim,
            Run.status == "pending",
            Task.state == "leased",
            Task.lease_until >= now(),
        )
        .get_or_none()
    )
    if run is None:
        runs.found(id_)
        raise RefusedError("lease_lost", f"run {id_} is not leased under this claim (any more)")
    return run
