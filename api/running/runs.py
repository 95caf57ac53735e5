"""Runs as people and clocks ask for them, and as they end."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from postroom.errors import RefusedError

from .. import tasks
from ..database import Database, bulk
from ..deliveries import MAX_LINE, clean
from ..log import events, traced
from ..models import File, Mail, Run, Script, database, encode, now
from . import held
from .held import Held

TASK = "run"
_Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class RunBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run is given beside the script's own arguments."""

    arguments: dict[str, Any] = {}
    mail: _Id | None = None
    file: _Id | None = None


class Wanted(NamedTuple):
    """A run that shall be."""

    #: hand, clock, mail, file, retry.
    kind: str
    trigger: dict[str, Any]
    arguments: dict[str, Any]
    mail: int | None = None
    file: int | None = None
    event: int | None = None
    key: str | None = None
    asked: str = ""


def add(script: Script, wanted: Sequence[Wanted]) -> list[int]:
    """Make runs and the tasks that give them out; call it inside a write transaction."""
    time = now()
    rows = [_row(script, one, time) for one in wanted]
    ids = [id_ for (id_,) in bulk.insert(Run, rows, returning="id")]
    made = tasks.add_new(TASK, script.name, [{"run": id_} for id_ in ids])
    p = database.param
    database.many(
        f"UPDATE runs SET task_id = {p} WHERE id = {p}",  # noqa: S608
        list(zip(made, ids, strict=True)),
    )
    return ids


def waits(script: str, id_: int, wanted: Wanted) -> None:
    """Put a run that is new into the log; call it once it is committed."""
    traced.run(id_, f"{script} waits, by {wanted.kind}", mail=wanted.mail, file=wanted.file)


def _row(script: Script, one: Wanted, time: str) -> dict[str, Any]:
    return {
        "created": time,
        "changed": time,
        "script": script.id,
        "version": script.version,
        "status": "pending",
        "kind": one.kind,
        "trigger": encode({"kind": one.kind, **one.trigger}),
        "arguments": encode(one.arguments),
        "mail": one.mail,
        "file": one.file,
        "event": one.event,
        "key": one.key,
        "asked": one.asked,
        **_NOTHING_YET,
    }


_NOTHING_YET = {
    "claim": "",
    "worker": "",
    "token": "",
    "attempt": 0,
    "dead_letters": 0,
    "stop": False,
    "started": "",
    "ended": "",
    "error": "",
    "isolation": "",
    "objects": "",
    "output_key": "",
    "output_size": 0,
    "output_sha256": "",
    "size": 0,
    "log_out": 0,
    "log_err": 0,
    "artefacts": "[]",
}


def by_hand(db: Database, script: Script, told: RunBody, key: str | None) -> tuple[int, bool]:
    """The id of a run that somebody asks for, and whether it is new.

    The same key again is the same run; RefusedError when it comes with another body.
    """
    asked = hashlib.sha256(encode(told).encode()).hexdigest() if key else ""
    with db.writing():
        if key and (known := Run.get_or_none(Run.script == script, Run.key == key)):
            if known.asked != asked:
                raise RefusedError(
                    "key_reused", f"this Idempotency-Key stands for run {known.id}, which has "
                    "another body: take a new key"
                )  # fmt: skip
            return known.id, False
        _check_about(told)
        arguments = {**script.arguments, **told.arguments}
        wanted = Wanted("hand", {}, arguments, told.mail, told.file, None, key, asked)
        (id_,) = add(script, [wanted])
        events.tell("run.asked", script.name, run=id_)
    waits(script.name, id_, wanted)
    return id_, True


def _check_about(told: RunBody) -> None:
    if told.mail is not None and told.file is not None:
        raise RefusedError("bad_body", "a run is about one mail or one file, not both")
    for kind, id_ in ((Mail, told.mail), (File, told.file)):
        if id_ is not None and not kind.select().where(kind.id == id_).exists():
            raise RefusedError("not_found", f"there is no {kind.__name__.lower()} {id_}")


def again(db: Database, id_: int) -> int:
    """A new run like one that is over; its id."""
    with db.writing():
        old = found(id_)
        if old.status == "pending":
            raise RefusedError("not_over", f"run {id_} is not over: stop it first")
        trigger = {"of": id_, "was": old.trigger}
        wanted = Wanted("retry", trigger, old.arguments, old.mail, old.file)
        (new,) = add(old.script, [wanted])
        events.tell("run.asked", old.script.name, run=new, again=id_)
    waits(old.script.name, new, wanted)
    return new


def stop(db: Database, id_: int) -> None:
    """Let a run end: at once while it waits; else its runner hears of it. Over is over."""
    with db.writing():
        run = found(id_)
        if run.status != "pending":
            return
        if run.claim:
            if not run.stop:
                events.tell("run.stop_asked", run.script.name, run=id_)
            Run.update(stop=True, changed=now()).where(Run.id == id_).execute()
        else:
            end(held.one(id_), "error", "stopped before it began", stop=True)
    traced.run(id_, "is to stop")


def found(id_: int) -> Any:
    """A run with its script; RefusedError when there is none."""
    run = Run.select(Run, Script).join(Script).where(Run.id == id_).get_or_none()
    if run is None:
        raise RefusedError("not_found", f"there is no run {id_}")
    return run


def end(run: Held, status: str, error: str, **more: Any) -> None:
    """Put down how a run ended, with further columns, and tell it; inside a write transaction."""
    time, error = now(), clean(error, MAX_LINE)
    over = {"status": status, "error": error, "ended": time, "changed": time}
    bulk.update(Run, run.id, **over, claim="", token="", **more)
    tasks.end_by_id(run.task, status)
    about = {"run": run.id, "status": status, "version": run.version, "attempt": run.attempt}
    if error:
        about["error"] = error[:500]
    events.tell("run.finished", run.script, **about)


def wait_again(run: Held, error: str, due: str, **more: Any) -> None:
    """Let a run that failed wait for its next try; call it inside a write transaction."""
    error = clean(error, MAX_LINE)
    bulk.update(Run, run.id, error=error, claim="", token="", changed=now(), **more)
    tasks.put_off_by_id(run.task, error[:500], due)


def may_retry(run: Held) -> bool:
    """Whether the script says that another try is to be made."""
    return not run.stop and run.attempt <= run.retries
