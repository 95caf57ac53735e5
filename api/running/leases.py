"""Runs as runners have them: leased, renewed, logged, ended. Every word names its lease."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from postroom.errors import RefusedError
from postroom.runs import (
    ClaimedRun,
    ClaimedRuns,
    ClaimRuns,
    FinishedRun,
    FinishRun,
    GiveBackRun,
    LastPiece,
    LogPiece,
    LogTaken,
    RenewedRun,
    RenewRun,
)
from postroom.storage import BadKeyError, Storage
from postroom.storage.keys import check_key

from .. import tasks
from ..database import Database, bulk
from ..deliveries import MAX_LINE, clean
from ..log import traced
from ..models import Run, database, encode, now
from ..objects import stores
from ..schedule import next_try, stamp
from . import attendance, held, lost, runlog, runs
from .held import Held

#: Where a run's objects stand; an attempt has a folder of its own.
OBJECTS = "runs/"
TOKEN = "pr_run_"  # noqa: S105 - how such a token begins, not one
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

_THIS = """
    SELECT r.id FROM runs r JOIN tasks t ON t.id = r.task_id WHERE r.id = {0} AND r.script_id = {0}
    AND r.status = 'pending' AND r.claim = '' AND t.due <= {0}"""
_SAME = """
    SELECT id FROM runs WHERE claim > '' AND status = 'pending' AND claim = {0} AND worker = {0}
    ORDER BY id"""
_GIVEN = """
    SELECT r.task_id, r.attempt, r.arguments, r."trigger", r.mail_id, r.file_id, s.name, s.version,
        s.secrets, s.seconds, s.megabytes, s.network, v.source,
        (SELECT p.started FROM runs p WHERE p.script_id = s.id AND p.status = 'completed'
            ORDER BY p.id DESC LIMIT 1)
    FROM runs r JOIN scripts s ON s.id = r.script_id
    JOIN script_versions v ON v.script_id = s.id AND v.number = s.version WHERE r.id = {0}"""


class _Given(NamedTuple):
    """A run as its runner is to know it, and its script as it is now."""

    task: int
    attempt: int
    arguments: str
    trigger: str
    mail: int | None
    file: int | None
    script: str
    version: int
    secrets: str
    seconds: float
    megabytes: int
    network: bool
    source: str
    #: When the last completed run began.
    since: str | None


def claim(db: Database, asked: ClaimRuns) -> ClaimedRuns:
    """Lease runs that are due, the oldest first; asking for nothing that there is writes nothing.

    Of a script whose runs must not overlap there is one at a time.
    """
    attendance.heard(db)
    if not (lost.is_any() or _given(asked) or _due(asked.most, asked.run)):
        return ClaimedRuns()
    with db.writing():
        given = _give(asked)
    _tell(given, asked.worker)
    return ClaimedRuns(runs=given)


def _tell(given: Sequence[ClaimedRun], worker: str) -> None:
    for one in given:
        words = f"{one.script} is given to {worker}, attempt {one.attempt}"
        traced.run(one.run, words, mail=one.mail, file=one.file)


def _give(asked: ClaimRuns) -> list[ClaimedRun]:
    """What a runner may do now; call it inside a write transaction."""
    lost.settle()
    if given := _given(asked):
        return [_again(id_, asked) for id_ in given]
    return [_first(id_, asked) for id_ in _due(asked.most, asked.run)]


def _given(asked: ClaimRuns) -> list[int]:
    """What it was given already under the name of this claim, and may not have heard of."""
    if asked.claim is None:
        return []
    rows = database.execute_sql(_SAME.format(database.param), (asked.claim, asked.worker))
    return [id_ for (id_,) in rows.fetchall()]


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
    rows = database.execute_sql(_THIS.format(database.param), (run, script, time))
    return [id_ for (id_,) in rows.fetchall()]


def _first(id_: int, asked: ClaimRuns) -> ClaimedRun:
    given = _read(id_)
    token = _token(given)
    claim, attempt, time = asked.claim or secrets.token_hex(16), given.attempt + 1, now()
    bulk.update(
        Run,
        id_,
        claim=claim,
        worker=asked.worker,
        attempt=attempt,
        version=given.version,
        started=time,
        ended="",
        changed=time,
        token=_digest(token),
        log_out=0,
        log_err=0,
    )
    return _claimed(id_, asked, given._replace(attempt=attempt), claim, token)


def _again(id_: int, asked: ClaimRuns) -> ClaimedRun:
    given = _read(id_)
    # The token that nobody heard is kept as a hash only.
    if token := _token(given):
        bulk.update(Run, id_, token=_digest(token))
    return _claimed(id_, asked, given, asked.claim or "", token)


def _read(id_: int) -> _Given:
    sql = _GIVEN.format(database.param)
    return _Given(*database.execute_sql(sql, (id_,)).fetchone())


def _token(given: _Given) -> str:
    return TOKEN + secrets.token_urlsafe(32) if given.network else ""


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest() if token else ""


def _claimed(id_: int, asked: ClaimRuns, given: _Given, claim: str, token: str) -> ClaimedRun:
    until = _until(asked.lease_seconds)
    tasks.lease_until(given.task, asked.worker, until)
    return ClaimedRun(
        run=id_,
        claim=claim,
        attempt=given.attempt,
        lease_until=until,
        script=given.script,
        version=given.version,
        source=given.source,
        arguments=msgspec.json.decode(given.arguments),
        trigger=msgspec.json.decode(given.trigger),
        since=given.since or "",
        secrets=msgspec.json.decode(given.secrets),
        seconds=given.seconds,
        megabytes=given.megabytes,
        network=bool(given.network),
        mail=given.mail,
        file=given.file,
        api_token=token,
    )


def _until(seconds: float) -> str:
    return stamp(datetime.now(UTC) + timedelta(seconds=seconds))


def renew(db: Database, id_: int, told: RenewRun) -> RenewedRun:
    """Let a lease go on, and say whether the run is to be stopped."""
    until = _until(told.lease_seconds)
    with db.writing():
        run = _held(id_, told.claim)
        tasks.lease_until(run.task, run.worker, until)
    return RenewedRun(stop=bool(run.stop), lease_until=until)


def log(db: Database, id_: int, told: LogPiece) -> LogTaken:
    """Keep a piece of what a run writes; what is known already changes nothing."""
    with db.writing():
        run = _held(id_, told.claim)
        sizes = _logged(run, [told])
        bulk.update(Run, id_, **sizes)
    return LogTaken(offset=sizes[f"log_{told.stream}"], stop=bool(run.stop))


def _logged(run: Held, pieces: Sequence[LogPiece | LastPiece]) -> dict[str, int]:
    """Keep pieces of its streams; the columns that say how long these are now."""
    return {
        f"log_{each.stream}": runlog.append(run, each.stream, each.offset, clean(each.text))
        for each in pieces
    }


def finish(db: Database, store: Storage, id_: int, told: FinishRun) -> FinishedRun:
    """End a run, or let it wait for its next try when the script says so."""
    if told.storage not in ("", store.id):
        raise RefusedError(
            "storage_mismatch",
            f"the runner keeps outputs in the store {told.storage}, the API reads from {store.id}: "
            "both must use the same [storage]; SQLite and directory stores serve one host only",
        )
    number = store.batch() if told.output or told.artefacts else 0
    if told.next:
        attendance.heard(db)
    with db.writing():
        ended = _finish(store, number, id_, told)
        # So a busy runner is given its next run without another request or commit.
        given = _give(told.next) if told.next else []
    again = f", tried again at {ended.due}" if ended.due else ""
    traced.run(id_, f"{told.status}{again}")
    if told.next:
        _tell(given, told.next.worker)
    return msgspec.structs.replace(ended, runs=given)


def _finish(store: Storage, number: int, id_: int, told: FinishRun) -> FinishedRun:
    run = _held(id_, told.claim)
    made = {**_logged(run, told.log), **_made(run, told)}
    if told.output or told.artefacts:
        stores.rely(store.id, number, "runs")
    if told.status == "error" and runs.may_retry(run):
        due = next_try(run.attempt)
        runs.wait_again(run, told.error or "no reason", due, ended=now(), **made)
        return FinishedRun(run=id_, status="pending", due=due)
    error = told.error if told.status == "completed" else told.error or "no reason"
    runs.end(run, told.status, error, **made)
    return FinishedRun(run=id_, status=told.status)


def give_back(db: Database, id_: int, told: GiveBackRun) -> FinishedRun:
    """Let a run wait again as if this attempt had never been; one that is to be stopped ends."""
    left = _give_back(db, id_, told)
    traced.run(id_, f"given back, now {left.status}: {told.reason}")
    return left


def _give_back(db: Database, id_: int, told: GiveBackRun) -> FinishedRun:
    with db.writing():
        run = _held(id_, told.claim)
        if run.stop:
            runs.end(run, "error", "stopped")
            return FinishedRun(run=id_, status="error")
        runlog.forget(run)
        due = _until(told.after_seconds)
        before = {"attempt": run.attempt - 1, "started": "", "log_out": 0, "log_err": 0}
        runs.wait_again(run, told.reason, due, **before)
    return FinishedRun(run=id_, status="pending", due=due)


def _made(run: Held, told: FinishRun) -> dict[str, Any]:
    """The columns that tell what a run brought."""
    output = told.output
    _check_keys(run, [each.key for each in (output, *told.artefacts) if each])
    artefacts = [
        {"name": clean(each.name, MAX_LINE), "key": each.key, "size": each.size,
         "sha256": each.sha256, "type": clean(each.type, MAX_LINE)}
        for each in told.artefacts
    ]  # fmt: skip
    size = output.size if output else 0
    return {
        "exit_code": told.exit_code,
        "isolation": told.isolation,
        "objects": _beginning(run) if output or artefacts else "",
        "output_key": output.key if output else "",
        "output_size": size,
        "output_sha256": output.sha256 if output else "",
        "artefacts": encode(artefacts),
        "size": size + sum(each.size for each in told.artefacts),
    }


def _check_keys(run: Held, keys: Sequence[str]) -> None:
    begin = _beginning(run)
    for key in keys:
        try:
            check_key(key)
        except BadKeyError as e:
            raise RefusedError("bad_body", str(e)) from e
        if not key.startswith(begin):
            raise RefusedError("bad_body", f"the objects of this attempt stand under {begin}")


def _beginning(run: Held) -> str:
    """How the keys of all objects of this attempt begin."""
    return f"{OBJECTS}{run.id}/{run.attempt}/"


def _held(id_: int, claim: str) -> Held:
    """The run, while this very lease lasts; call it inside a write transaction."""
    run = held.leased(id_, claim)
    if run is None:
        runs.found(id_)
        raise RefusedError("lease_lost", f"run {id_} is not leased under this claim (any more)")
    return run
