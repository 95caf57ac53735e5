"""Scripts and runs go with all that belongs to them: first the rows, then the objects."""

from collections.abc import Sequence

from postroom.storage import Storage

from ..database import Database
from ..log import events
from ..models import (
    Replay,
    ReplayItem,
    Run,
    RunLog,
    Script,
    ScriptVersion,
    Slot,
    Task,
)
from ..objects import holding
from ..objects.kept import keys_of
from . import scripts

#: Rows of one statement.
CHUNK = 500


def delete(db: Database, store: Storage, name: str) -> int:
    """Delete a script; how many runs went with it. Their runners lose their leases."""
    with db.writing():
        script = scripts.found(name)
        ids = [id_ for (id_,) in Run.select(Run.id).where(Run.script == script).tuples()]
        Slot.delete().where(Slot.script == script).execute()
        keys: list[str] = []
        for start in range(0, len(ids), CHUNK):
            keys += delete_runs(ids[start : start + CHUNK])
        for replay in Replay.select().where(Replay.script == script):
            delete_replay(replay)
        ScriptVersion.delete().where(ScriptVersion.script == script).execute()
        Script.delete().where(Script.id == script.id).execute()
        events.tell("script.changed", name, version=script.version, changed=["deleted"])
    # A crash before this leaves objects that no row names: they are collected.
    store.delete(keys)
    return len(ids)


def delete_runs(ids: Sequence[int]) -> list[str]:
    """Delete some runs; the keys that are to be deleted then. Call it inside a write transaction.

    What somebody copies just now is left to a later collection.
    """
    rows = list(Run.select().where(Run.id.in_(ids)))
    RunLog.delete().where(RunLog.run.in_(ids)).execute()
    Slot.update(run=None).where(Slot.run.in_(ids)).execute()
    Run.delete().where(Run.id.in_(ids)).execute()
    Task.delete().where(Task.id.in_([row.task_id for row in rows])).execute()
    return [] if holding.are_held() else [key for row in rows for key in keys_of(row)]


def delete_replay(replay: Replay) -> None:
    """Delete a replay and its results; call it inside a write transaction."""
    ReplayItem.delete().where(ReplayItem.replay == replay).execute()
    Replay.delete().where(Replay.id == replay.id).execute()
    Task.delete().where(Task.id == replay.task_id).execute()
