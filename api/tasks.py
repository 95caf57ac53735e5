"""The road back: what a daemon shall do, as rows that it claims."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from postroom import wire

from .models import Task, now
from .schedule import stamp

LEASE = timedelta(seconds=60)
MOST = 20


def add(kind: str, source: str, target: dict[str, Any] | None = None) -> Task:
    """Ask for something to be done; asking twice before it begins is asking once."""
    target = target or {}
    due = Task.select().where(Task.kind == kind, Task.source == source, Task.state == "due")
    for task in due:
        if task.target == target:
            found: Task = task
            return found
    made: Task = Task.create(kind=kind, source=source, target=target)
    return made


def has_due(source: str) -> bool:
    """Whether a source has something to do; a look that writes nothing."""
    return bool(_claimable(source).exists())


def claim(source: str) -> list[wire.Task]:
    """Lease what a source has to do; call it inside a write transaction."""
    tasks = list(_claimable(source).order_by(Task.id).limit(MOST))
    until = stamp(datetime.now(UTC) + LEASE)
    Task.update(state="leased", lease_until=until, changed=now()).where(
        Task.id.in_([task.id for task in tasks])
    ).execute()
    return [wire.Task(id=task.id, kind=task.kind, target=task.target) for task in tasks]


def finish(source: str, done: Iterable[tuple[int, str]]) -> None:
    """Note what came of tasks; call it inside a write transaction."""
    for id_, result in done:
        Task.update(state="done", result=result, changed=now()).where(
            Task.id == id_, Task.source == source, Task.state == "leased"
        ).execute()


def _claimable(source: str) -> Any:
    # A lease that ran out: whoever held it is gone, and the work is due again.
    return Task.select().where(
        Task.source == source,
        (Task.state == "due") | ((Task.state == "leased") & (Task.lease_until < now())),
    )
