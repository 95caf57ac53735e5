"""Slots: the moments at which a script's clock struck, each a row once, and what became of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from postroom.errors import RefusedError
from postroom.runs import SlotState, TellSlots, ToldSlot, ToldSlots

from ..database import Database
from ..log import events, traced
from ..models import Run, Script, Slot, now
from ..schedule import stamp
from ..scripting import scripts
from . import runs

#: A slot is on time when it is told so soon.
GRACE = timedelta(seconds=60)
#: Two clocks may differ so much; a slot further ahead is none that struck.
AHEAD = timedelta(seconds=60)


def take(db: Database, name: str, told: TellSlots) -> ToldSlots:
    """Decide of each slot, once: who tells the same again is told the same."""
    asked = [_moment(text) for text in told.slots]
    until = min(_moment(told.until), now())
    with db.writing():
        script = scripts.found(name)
        known = _known(script, asked)
        new = sorted({slot for slot in asked if slot not in known and slot > script.planned})
        if new and script.enabled:
            _decide(script, new)
            known = _known(script, asked)
        else:
            new = []
        if until > script.planned:
            Script.update(planned=until).where(Script.id == script.id).execute()
    for row in (known[slot] for slot in new):
        if row.run_id:
            traced.run(row.run_id, f"{name} waits, by clock: {row.state} at {row.slot}")
    return ToldSlots(items=[_told(slot, known.get(slot)) for slot in asked])


def _known(script: Script, slots: Sequence[str]) -> dict[str, Slot]:
    if not slots:
        return {}
    some = Slot.select().where(Slot.script == script, Slot.slot.between(min(slots), max(slots)))
    return {row.slot: row for row in some}


def _told(slot: str, row: Slot | None) -> ToldSlot:
    # What lies before all that is planned was not asked of us in time, and leaves no row.
    return ToldSlot(
        slot=slot, state=row.state if row else "missed", run=row.run_id if row else None
    )


def _moment(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise RefusedError("bad_time", f"a slot is a time in ISO 8601, not {text!r}") from e
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    if at > datetime.now(UTC) + AHEAD:
        raise RefusedError("bad_time", f"the slot {text} lies ahead: tell it when it is due")
    return stamp(at)


def _decide(script: Script, slots: Sequence[str]) -> None:
    """What is on time runs; of what is overdue as many as the script's rule says."""
    limit = stamp(datetime.now(UTC) - GRACE)
    overdue = [slot for slot in slots if slot < limit]
    timely = slots[len(overdue) :]
    late = _late(script, overdue, is_caught_up=bool(timely))
    for slot in slots:
        if slot in timely:
            _begin(script, slot, "run")
        elif slot in late:
            _begin(script, slot, "late")
        else:
            _write(script, slot, "missed")
    missed = [slot for slot in overdue if slot not in late]
    if missed:
        events.tell(
            "slot.missed", script.name, missed=len(missed), first=missed[0], last=missed[-1]
        )


def _late(script: Script, overdue: Sequence[str], *, is_caught_up: bool) -> Sequence[str]:
    match script.missed:
        case "all":
            return overdue
        case "once":
            return [] if is_caught_up else overdue[-1:]
    return []


def _begin(script: Script, slot: str, state: SlotState) -> None:
    if script.overlap == "skip" and _is_busy(script):
        _write(script, slot, "skipped")
        return
    wanted = runs.Wanted("clock", {"slot": slot, "late": state == "late"}, script.arguments)
    (run,) = runs.add(script, [wanted])
    _write(script, slot, state, run)


def _is_busy(script: Script) -> bool:
    return bool(Run.select().where(Run.script == script, Run.status == "pending").exists())


def _write(script: Script, slot: str, state: SlotState, run: int | None = None) -> None:
    Slot.create(script=script, slot=slot, state=state, run=run)
