"""Runs whose runner went away: tried again where the script says so, else at an end."""

from ..database import Database
from ..log import events
from ..models import database, now
from . import held, runs
from .held import Held

WORKER_LOST = "worker lost"
#: The index of leases holds for these very words.
_ANY = "SELECT 1 FROM tasks WHERE state = 'leased' AND lease_until < {0} AND kind = 'run' LIMIT 1"


def is_any() -> bool:
    """Whether a lease of a run has run out."""
    return database.execute_sql(_ANY.format(database.param), (now(),)).fetchone() is not None


def look(db: Database) -> None:
    """Settle what was lost, whoever lives; costs no write when nothing was."""
    if is_any():
        with db.writing():
            settle()


def settle() -> None:
    """Take up the runs whose leases ran out; call it inside a write transaction."""
    if is_any():
        for run in held.expired():
            _settle(run)


def _settle(run: Held) -> None:
    is_again = runs.may_retry(run)
    events.tell(
        "run.lost",
        run.script,
        run=run.id,
        attempt=run.attempt,
        worker=run.worker,
        again=is_again,
    )
    if is_again:
        runs.wait_again(run, WORKER_LOST, now(), exit_code=None, ended=now())
    else:
        error = f"stopped; {WORKER_LOST}" if run.stop else WORKER_LOST
        runs.end(run, "error", error, exit_code=None)
