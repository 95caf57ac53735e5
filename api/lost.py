"""Runs whose runner went away: tried again where the script says so, else at an end."""

from typing import Any

import peewee

from . import events, runs
from .database import Database
from .models import Run, Script, Task, now

WORKER_LOST = "worker lost"
#: The index of leases holds for these very words.
_LEASED = peewee.SQL("state = 'leased'")


def is_any() -> bool:
    """Whether a lease of a run has run out."""
    return bool(_expired().exists())


def look(db: Database) -> None:
    """Settle what was lost, whoever lives; costs no write when nothing was."""
    if is_any():
        with db.writing():
            settle()


def settle() -> None:
    """Take up the runs whose leases ran out; call it inside a write transaction."""
    ids = [task.id for task in _expired()]
    if not ids:
        return
    for run in Run.select(Run, Script).join(Script).where(Run.task.in_(ids)):
        _settle(run)


def _settle(run: Any) -> None:
    is_again = runs.may_retry(run)
    events.tell(
        "run.lost",
        run.script.name,
        run=run.id,
        attempt=run.attempt,
        worker=run.worker,
        again=is_again,
    )
    run.exit_code = None
    if is_again:
        run.ended = now()
        runs.wait_again(run, WORKER_LOST, now())
    else:
        runs.end(run, "error", f"stopped; {WORKER_LOST}" if run.stop else WORKER_LOST)


def _expired() -> Any:
    return Task.select(Task.id).where(_LEASED, Task.lease_until < now(), Task.kind == runs.TASK)
