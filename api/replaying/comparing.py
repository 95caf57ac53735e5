"""The end of a replay: compared with the one before, part by part, and told."""

from collections.abc import Iterator
from typing import Any

import peewee

from .. import tasks
from ..database import Database
from ..log import events
from ..models import Replay, ReplayItem, Script, database, now

#: Items that are compared in one transaction.
PART = 2_000
#: What has an output has the hash of one.
_BEFORE = (
    "COALESCE((SELECT p.sha256 FROM replay_items p WHERE p.replay_id = {0} "
    "AND p.item = replay_items.item), '')"
)
_COMPARE = f"""
    UPDATE replay_items SET was = CASE
        WHEN sha256 = {_BEFORE} THEN 'same' WHEN sha256 = '' THEN 'gone'
        WHEN {_BEFORE} = '' THEN 'added' ELSE 'changed' END
    WHERE replay_id = {{0}} AND item > {{0}} AND item <= {{0}}"""  # noqa: S608
_ABSENT = """
    INSERT INTO replay_items (replay_id, item, status, sha256, cut, was, error, output)
    SELECT {0}, p.item, 'absent', '', FALSE, 'gone', '', '' FROM replay_items p
    WHERE p.replay_id = {0} AND p.item > {0} AND p.item <= {0} AND p.sha256 <> '' AND NOT EXISTS(
        SELECT 1 FROM replay_items n WHERE n.replay_id = {0} AND n.item = p.item)"""


def complete(db: Database, id_: int) -> None:
    """Compare what is all done, and end it.

    Who is killed on the way leaves it running with nothing left: the next claim begins anew.
    """
    replay = Replay.get_by_id(id_)
    before = Replay.select(Replay.id).where(
        Replay.script == replay.script_id, Replay.of == replay.of, Replay.state == "completed"
    )
    previous = before.order_by(Replay.id.desc()).limit(1).scalar()
    p = database.param
    for part in parts(id_):
        with db.writing():
            database.execute_sql(_COMPARE.format(p), (previous or 0, previous or 0, id_, *part))
    for part in parts(previous) if previous else ():
        with db.writing():
            database.execute_sql(_ABSENT.format(p), (id_, previous, *part, id_))
    counts = _counted(id_)
    with db.writing():
        replay = Replay.select(Replay, Script).join(Script).where(Replay.id == id_).get()
        if replay.state == "running":
            replay.previous, replay.counts = previous, counts
            # What was deleted before its turn came is none of them.
            replay.total = replay.completed + replay.failed
            end(replay, "completed")


def end(replay: Any, state: str) -> None:
    """Put down that it is over, and tell it; call it inside a write transaction."""
    replay.state, replay.ended, replay.claim = state, now(), ""
    replay.changed = replay.ended
    replay.save()
    tasks.end_by_id(replay.task_id, state)
    events.tell(
        "replay.finished",
        replay.script.name,
        replay=replay.id,
        state=state,
        completed=replay.completed,
        failed=replay.failed,
        **replay.counts,
    )


def parts(replay: int) -> Iterator[tuple[int, int]]:
    """The items of a replay, part by part: after which, and up to which."""
    last = 0
    while True:
        some = ReplayItem.select(ReplayItem.item).where(
            ReplayItem.replay == replay, ReplayItem.item > last
        )
        ids = [id_ for (id_,) in some.order_by(ReplayItem.item).limit(PART).tuples()]
        if not ids:
            return
        yield last, ids[-1]
        last = ids[-1]


def _counted(replay: int) -> dict[str, int]:
    counted = (
        ReplayItem.select(ReplayItem.was, peewee.fn.COUNT(ReplayItem.item))
        .where(ReplayItem.replay == replay)
        .group_by(ReplayItem.was)
    )
    return dict(counted.tuples())
