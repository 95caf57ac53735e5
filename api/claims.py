"""Tasks that daemons claim over HTTP, for a time and by name."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from . import tasks
from .database import Database
from .mails import quarantine
from .models import Task

DEADLY = f"{tasks.TRIES} workers tried it and did not come back"


class ClaimBody(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for what to do, and for how long he wants it for himself."""

    kinds: Annotated[list[str], Meta(min_length=1, max_length=20)]
    worker: Annotated[str, Meta(min_length=1, max_length=200)]
    #: Only what concerns this mailbox; "": any.
    source: Annotated[str, Meta(max_length=255)] = ""
    limit: Annotated[int, Meta(ge=1, le=tasks.MOST)] = 1
    lease_seconds: Annotated[float, Meta(ge=1, le=3_600)] = tasks.LEASE.total_seconds()


class FinishBody(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a task."""

    worker: Annotated[str, Meta(min_length=1, max_length=200)]
    result: Annotated[str, Meta(max_length=5_000)] = ""


def claim(db: Database, asked: ClaimBody) -> list[dict[str, Any]]:
    """Lease tasks to a worker; asking for nothing that there is costs no write."""
    if not tasks.due_of(asked.kinds, asked.source).exists():
        return []
    with db.writing():
        found: list[Task] = list(tasks.due_of(asked.kinds, asked.source).limit(asked.limit))
        given = [task for task in found if not tasks.is_deadly(task)]
        for task in found:
            if tasks.is_deadly(task):
                _give_up(task)
        tasks.claim_for(asked.worker, given, timedelta(seconds=asked.lease_seconds))
    return [
        {"id": task.id, "kind": task.kind, "source": task.source, "target": task.target}
        for task in given
    ]


def finish(db: Database, id_: int, told: FinishBody) -> Task:
    """Close a task with its result."""
    with db.writing():
        return tasks.close(id_, told.worker, told.result)


def _give_up(task: Task) -> None:
    """Nobody who took it came back; nobody shall take it again by itself."""
    tasks.close(task.id, task.worker, DEADLY)
    quarantine.failed_again(task.target.get("quarantine", 0), DEADLY)
