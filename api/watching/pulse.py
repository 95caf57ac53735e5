"""What a monitor has done, and what it has to do."""

from datetime import timedelta

from postroom import wire

from .. import tasks
from ..database import Database
from ..models import Task
from ..schedule import after
from . import digests

#: Long enough to begin something and to say so.
LEASE = timedelta(seconds=120)


def answer(db: Database, told: wire.Pulse) -> wire.PulseReply:
    """Note what was done and put off, and give out what is due; nothing of it costs no write."""
    slot = told.digest_of
    if slot and digests.is_made(slot):
        slot = ""
    if not (told.done or told.later or slot or _due(told)):
        return wire.PulseReply()
    with db.writing():
        _settle(told)
        if slot:
            digests.make_daily(slot)
        due = _due(told)
        tasks.claim_for("", due, LEASE)
        return wire.PulseReply(tasks=[_shown(task) for task in due])


def _due(told: wire.Pulse) -> list[Task]:
    """What this monitor may be given: of its pages, and one digest at a time, which may be long."""
    pages = set(told.pages)
    found = [
        task
        for task in tasks.due_of(("check", "download"))
        if task.source in pages
    ]  # fmt: skip
    if told.mails:
        mails = [task for task in tasks.due_of(("digest",)) if task.source in {"", *pages}]
        found = mails[:1] + found
    return found[: tasks.MOST]


def _shown(task: Task) -> wire.WatchTask:
    target = digests.target(task) if task.kind == "digest" else task.target
    return wire.WatchTask(id=task.id, kind=task.kind, source=task.source, target=target)


def _settle(told: wire.Pulse) -> None:
    ids = [id_ for id_, _ in told.done] + [later.task for later in told.later]
    leased = tasks.leased_of(tasks.OF_MONITORS, ids)
    for id_, result in told.done:
        if task := leased.pop(id_, None):
            tasks.end(task, result)
            if task.kind == "digest":
                digests.sent(task)
    for later in told.later:
        if task := leased.pop(later.task, None):
            due = after(later.after)
            tasks.put_off(task, later.reason, due)
            if task.kind == "digest":
                digests.failed(task, later.reason, due)
