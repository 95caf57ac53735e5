"""Runs of which the queue gave a message up: counted, told, and to be sent again later."""

from datetime import UTC, datetime, timedelta

from postroom.runs import DeadLetter, DeadLetters

from ..database import Database
from ..deliveries import MAX_LINE, clean
from ..log import events
from ..models import Run, now
from ..schedule import stamp
from . import held, runs


def take(db: Database, id_: int, told: DeadLetter) -> DeadLetters:
    """Count it; a run that waits says why, and is not due before it is to be sent again."""
    reason = clean(told.reason, MAX_LINE)
    with db.writing():
        run = runs.found(id_)
        count = run.dead_letters + 1
        Run.update(dead_letters=count, changed=now()).where(Run.id == id_).execute()
        if run.status == "pending" and not run.claim:
            due = stamp(datetime.now(UTC) + timedelta(seconds=told.after_seconds))
            runs.wait_again(held.one(id_), reason, due)
        events.tell(
            "run.dead_letter", run.script.name, run=id_, dead_letters=count, reason=reason[:500]
        )
    return DeadLetters(run=id_, dead_letters=count)
