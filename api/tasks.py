"""The road back: what a daemon shall do, as rows that it claims."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import peewee

from postroom import wire
from postroom.errors import RefusedError

from .database import bulk
from .log import events
from .models import Task, database, encode, now
from .schedule import stamp

LEASE = timedelta(seconds=60)
MOST = 20
#: What masters do, who claim over HTTP, and what monitors do, who are told with their PULSE; what
#: is neither theirs nor a runner's is for the mailbox, with the answer to its PASS.
OF_MASTERS = ("parse",)
OF_MONITORS = ("check", "download", "digest")
#: What runners claim by routes of their own, which know what a run is.
OF_RUNNERS = ("run", "replay", "webhook", "alarm mail")
_ELSEWHERE = OF_MASTERS + OF_MONITORS + OF_RUNNERS
#: The index of what is not done holds for these very words.
_OPEN = peewee.SQL("state <> 'done'")
_LEASE = """
    UPDATE tasks SET attempts = attempts + CASE WHEN state = 'due' THEN 1 ELSE 0 END,
        state = 'leased', worker = {0}, lease_until = {0}, changed = {0} WHERE id = {0}"""
#: A task that cost its worker the life so often is given out no more.
TRIES = 2


class Wanted(NamedTuple):
    """Something to be done."""

    kind: str
    source: str
    target: dict[str, Any]
    #: Not to be given out before; "" at once.
    due: str = ""


def add(kind: str, source: str, target: dict[str, Any] | None = None) -> Task:
    """Ask for something to be done; asking twice before it begins is asking once."""
    wanted = Wanted(kind, source, target or {})
    add_many([wanted])
    same = _waiting([kind]).where(Task.source == source, Task.target == wanted.target)
    found: Task = same.where(Task.due <= now()).get()
    return found


def ask(kind: str, source: str, target: dict[str, Any] | None = None, **about: Any) -> Task:
    """The same for somebody who pressed a button, which is told; inside a write transaction."""
    return _told(add(kind, source, target), about)


def hasten(kind: str, source: str, target: dict[str, Any], **about: Any) -> Task:
    """The same of what must not be done twice: what was put off is due now."""
    found = Task.select().where(Task.kind == kind, Task.source == source, Task.target == target)
    task: Task | None = found.where(_OPEN).order_by(Task.id).first()
    if task is None:
        task = add(kind, source, target)
    elif task.state == "due":
        bulk.update(Task, task.id, due="", changed=now())
    return _told(task, about)


def _told(task: Task, about: dict[str, Any]) -> Task:
    events.tell("source.asked", task.source, what=task.kind, task=task.id, **about)
    return task


def add_many(wanted: Sequence[Wanted]) -> None:
    """Ask for all of it; what is due already, or at that very time, stays as it is."""
    time = now()
    due = {
        (task.kind, task.source, encode(task.target), task.due if task.due > time else "")
        for task in _waiting({each.kind for each in wanted})
    }
    rows = []
    for each in wanted:
        known = (each.kind, each.source, encode(each.target), each.due)
        if known not in due:
            due.add(known)
            rows.append(_row(each, time))
    bulk.insert(Task, rows)


def add_new(kind: str, source: str, targets: Sequence[dict[str, Any]]) -> list[int]:
    """Ask for what nobody can have asked for before; the ids, in order."""
    time = now()
    rows = [_row(Wanted(kind, source, target, time), time) for target in targets]
    return [id_ for (id_,) in bulk.insert(Task, rows, returning="id")]


def lease_until(id_: int, worker: str, until: str) -> None:
    """Lease a task, or let its lease go on; call it inside a write transaction."""
    database.execute_sql(_LEASE.format(database.param), (worker, until, now(), id_))


def end_by_id(id_: int, result: str) -> None:
    """Note what came of a task; call it inside a write transaction."""
    bulk.update(Task, id_, state="done", result=result, changed=now())


def put_off_by_id(id_: int, reason: str, due: str) -> None:
    """Give a task out again at that time; call it inside a write transaction."""
    bulk.update(Task, id_, state="due", due=due, result=reason, changed=now())


def _waiting(kinds: Iterable[str]) -> Any:
    return Task.select().where(Task.kind.in_(list(kinds)), Task.state == "due", _OPEN)


def _row(wanted: Wanted, time: str) -> dict[str, Any]:
    return {
        "created": time,
        "changed": time,
        "kind": wanted.kind,
        "source": wanted.source,
        "target": encode(wanted.target),
        "state": "due",
        "due": wanted.due,
        "lease_until": "",
        "worker": "",
        "attempts": 0,
        "result": "",
    }


def has_due(source: str) -> bool:
    """Whether a source has something to do; a look that writes nothing."""
    return bool(_of_source(source).exists())


def claim(source: str) -> list[wire.Task]:
    """Lease what a source has to do; call it inside a write transaction."""
    tasks = list(_of_source(source).order_by(Task.id).limit(MOST))
    _lease(tasks, "", LEASE)
    return [wire.Task(id=task.id, kind=task.kind, target=task.target) for task in tasks]


def finish(source: str, done: Iterable[tuple[int, str]]) -> None:
    """Note what came of tasks; call it inside a write transaction."""
    for id_, result in done:
        Task.update(state="done", result=result, changed=now()).where(
            Task.id == id_,
            Task.source == source,
            Task.state == "leased",
            Task.kind.not_in(_ELSEWHERE),
        ).execute()


def leased_of(kinds: Collection[str], ids: Iterable[int]) -> dict[int, Task]:
    """Of these tasks, those of these kinds that are given out, by their ids."""
    found = Task.select().where(
        Task.id.in_(list(ids)), Task.kind.in_(list(kinds)), Task.state == "leased"
    )
    return {task.id: task for task in found}


def end(task: Task, result: str) -> None:
    """The same of its row."""
    end_by_id(task.id, result)


def put_off(task: Task, reason: str, due: str) -> None:
    """The same of its row."""
    put_off_by_id(task.id, reason, due)


def due_of(kinds: Sequence[str], source: str = "") -> Any:
    """What may be claimed of these kinds, of one source or of all, oldest first."""
    own = [kind for kind in kinds if kind not in OF_RUNNERS]
    found = _claimable().where(Task.kind.in_(own)).order_by(Task.id)
    return found.where(Task.source == source) if source else found


def claim_for(worker: str, tasks: Sequence[Task], lease: timedelta) -> None:
    """Lease these to a worker; call it inside the write transaction that selected them."""
    _lease(tasks, worker, lease)


def close(id_: int, worker: str, result: str) -> Task:
    """Note what a worker says of its task; RefusedError when it has lost the lease."""
    told = (
        Task.update(state="done", result=result, changed=now())
        .where(Task.id == id_, Task.worker == worker, Task.state == "leased")
        .execute()
    )
    found: Task | None = Task.get_or_none(Task.id == id_)
    if found is None:
        raise RefusedError("not_found", f"there is no task {id_}")
    if not told:
        raise RefusedError("lease_lost", f"task {id_} is not leased to {worker!r} (any more)")
    return found


def is_deadly(task: Task) -> bool:
    """Whether it was given out often enough, and nobody ever came back."""
    return bool(task.attempts >= TRIES)


def _lease(tasks: Sequence[Task], worker: str, lease: timedelta) -> None:
    Task.update(
        state="leased",
        worker=worker,
        attempts=Task.attempts + 1,
        lease_until=stamp(datetime.now(UTC) + lease),
        changed=now(),
    ).where(Task.id.in_([task.id for task in tasks])).execute()


def _of_source(source: str) -> Any:
    return _claimable().where(Task.source == source, Task.kind.not_in(_ELSEWHERE))


def _claimable() -> Any:
    time = now()
    # A lease that ran out: whoever held it is gone, and the work is due again.
    return Task.select().where(
        _OPEN,
        ((Task.state == "due") & (Task.due <= time))
        | ((Task.state == "leased") & (Task.lease_until < time)),
    )
