"""Rows of scripts, runs and replays as the API shows them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import peewee

from ..models import Run, Script, ScriptVersion, Slot
from ..rest import scripted


def scripts(rows: Sequence[Script]) -> list[scripted.Script]:
    """Scripts, each with its newest run; those come by one query."""
    # One look into the index for each; a group would be read to its end.
    newest = Run.select(peewee.fn.MAX(Run.id)).where(Run.script == Script.id)
    ids = Script.select(newest).where(Script.id.in_([row.id for row in rows]))
    last = {run.script_id: run for run in Run.select().where(Run.id.in_(ids))}
    return [script(row, last.get(row.id)) for row in rows]


def script(row: Script, last: Run | None) -> scripted.Script:
    """One script."""
    same = {name: getattr(row, name) for name in _SAME}
    return scripted.Script(
        **same,
        gone=row.gone or None,
        scheduled_time=row.scheduled_time or None,
        last_run=last and scripted.LastRun(id=last.id, time=last.created, status=last.status),
    )


_SAME = tuple(
    name
    for name in scripted.Script.__struct_fields__
    if name not in ("gone", "scheduled_time", "last_run")
)


def run(row: Any) -> scripted.Run:
    """One run; the row has its script and its task joined."""
    is_waiting = row.status == "pending" and not row.claim
    return scripted.Run(
        id=row.id,
        script=row.script.name,
        version=row.version,
        time=row.created,
        status=row.status,
        phase=("waiting" if is_waiting else "running") if row.status == "pending" else None,
        trigger=row.trigger,
        arguments=row.arguments,
        mail=row.mail,
        file=row.file,
        due=row.task.due if is_waiting else None,
        attempt=row.attempt,
        dead_letters=row.dead_letters,
        worker=row.worker,
        stop=row.stop,
        started=row.started or None,
        ended=row.ended or None,
        duration=_seconds(row.started, row.ended),
        exit_code=row.exit_code,
        error=row.error,
        isolation=row.isolation,
        output=scripted.ShownOutput(size=row.output_size, sha256=row.output_sha256)
        if row.output_key
        else None,
        artefacts=[
            scripted.ShownArtefact(
                number=number,
                name=each["name"],
                type=each["type"],
                size=each["size"],
                sha256=each["sha256"],
                lost=not each["key"],
            )
            for number, each in enumerate(row.artefacts, 1)
        ],
        log=scripted.LogSizes(out=row.log_out, err=row.log_err),
        changed=row.changed,
    )


def version(script: Script, row: ScriptVersion) -> scripted.Version:
    """A version of a script, without its text."""
    return scripted.Version(**_version(script, row))


def source(script: Script, row: ScriptVersion) -> scripted.Source:
    """A version of a script with its text."""
    return scripted.Source(**_version(script, row), source=row.source)


def _version(script: Script, row: ScriptVersion) -> dict[str, Any]:
    return {
        "script": script.name,
        "number": row.number,
        "sha256": row.sha256,
        "size": len(row.source.encode()),
        "created": row.created,
    }


def slot(row: Slot) -> scripted.Slot:
    """A slot."""
    return scripted.Slot(
        id=row.id, slot=row.slot, state=row.state, run=row.run_id, created=row.created
    )


def replay(row: Any) -> scripted.Replay:
    """One replay; the row has its script joined."""
    return scripted.Replay(
        id=row.id,
        script=row.script.name,
        version=row.version,
        of=row.of,
        filters=row.filters,
        arguments=row.arguments,
        state=row.state,
        total=row.total,
        completed=row.completed,
        failed=row.failed,
        left=row.total - row.completed - row.failed,
        previous=row.previous,
        differences=scripted.Differences(**row.counts) if row.state == "completed" else None,
        created=row.created,
        ended=row.ended or None,
    )


def _seconds(started: str, ended: str) -> float | None:
    if not started or not ended:
        return None
    took = datetime.fromisoformat(ended) - datetime.fromisoformat(started)
    return round(took.total_seconds(), 3)
