"""What is kept of a script's runs, by number, age and size; and of its replays and slots."""

from datetime import UTC, datetime, timedelta

import peewee

from postroom.storage import Storage

from ..database import Database
from ..models import Replay, ReplayItem, Run, Script, Slot
from ..replaying import comparing
from ..schedule import stamp
from ..scripting import scriptdeletion

#: Replays that are over, and slots, of one script; others are compared with the last one only.
REPLAYS, SLOTS = 5, 1_000
MEGABYTE = 1024 * 1024


def clear_up(db: Database, store: Storage, at: datetime | None = None) -> int:
    """Delete the runs that their scripts no longer keep; how many they are."""
    deleted = 0
    for script in Script.select():
        ids = [id_ for id_, _ in spare(script, at or datetime.now(UTC))]
        for start in range(0, len(ids), scriptdeletion.CHUNK):
            with db.writing():
                keys = scriptdeletion.delete_runs(ids[start : start + scriptdeletion.CHUNK])
            # A crash before this leaves objects that no row names: they are collected.
            store.delete(keys)
        deleted += len(ids)
        _clear_replays(db, script)
        _clear_slots(db, script)
    return deleted


def spare(script: Script, at: datetime) -> list[tuple[int, int]]:
    """Runs that are over and not kept, and their bytes; the newest completed one always is kept."""
    if not (script.keep_runs or script.keep_days or script.keep_megabytes):
        return []
    oldest = stamp(at - timedelta(days=min(script.keep_days, 36_500)))
    found, bytes_, newest = 0, 0, False
    gone: list[tuple[int, int]] = []
    over = Run.select(Run.id, Run.status, Run.ended, Run.size, Run.log_out, Run.log_err)
    over = over.where(Run.script == script, Run.status != "pending").order_by(Run.id.desc())
    for id_, status, ended, size, out, err in over.tuples().iterator():
        found, bytes_ = found + 1, bytes_ + size + out + err
        is_spare = (
            (script.keep_runs and found > script.keep_runs)
            or (script.keep_days and ended < oldest)
            or (script.keep_megabytes and bytes_ > script.keep_megabytes * MEGABYTE)
        )
        if status == "completed" and not newest:
            newest = True
        elif is_spare:
            gone.append((id_, size + out + err))
    return gone


def _clear_replays(db: Database, script: Script) -> None:
    over = Replay.select().where(Replay.script == script, Replay.state != "running")
    for replay in list(over.order_by(Replay.id.desc()).offset(REPLAYS)):
        for after, upto in comparing.parts(replay.id):
            some = (ReplayItem.item > after) & (ReplayItem.item <= upto)
            with db.writing():
                ReplayItem.delete().where(ReplayItem.replay == replay, some).execute()
        with db.writing():
            scriptdeletion.delete_replay(replay)


def _clear_slots(db: Database, script: Script) -> None:
    slots = Slot.select(Slot.slot).where(Slot.script == script).order_by(Slot.slot.desc())
    last = slots.offset(SLOTS).limit(1).scalar()
    if last is None:
        return
    # What is planned is not asked of again: those rows tell of the past only.
    old = (Slot.script == script) & (Slot.slot <= last) & (Slot.slot <= script.planned)
    with db.writing():
        Slot.delete().where(old, Slot.run.is_null() | Slot.run.not_in(_pending())).execute()


def _pending() -> peewee.ModelSelect:
    return Run.select(Run.id).where(Run.status == "pending")
