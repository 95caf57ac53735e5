"""Replays: a script over all that is stored, by batches, compared with the last one."""

import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from postroom.errors import RefusedError
from postroom.runs import ClaimBatch, ItemResult, ItemsTaken, ReplayBatch, TellItems

from .. import tasks
from ..database import Database
from ..deliveries import MAX_LINE, clean
from ..log import events
from ..mails import query
from ..models import Replay, ReplayItem, Script, Task, encode, now
from ..rest.contracts import Parameter
from ..rest.scripted import ReplayLine
from ..schedule import stamp
from ..scripting import scripts
from ..watching import filelist
from . import choosing, comparing

TASK = "replay"
#: Lines that one query reads.
CHUNK = 200
_Filters = dict[str, str]


class ReplayBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which mails, or which files, by the filters of their lists."""

    mails: _Filters | None = None
    files: _Filters | None = None
    arguments: dict[str, Any] = {}


def begin(db: Database, name: str, told: ReplayBody) -> int:
    """Settle what a replay goes over; its id."""
    of, filters = _asked(told)
    last, total = choosing.counted(of, filters)
    with db.writing():
        script = scripts.found(name)
        (task,) = tasks.add_new(TASK, name, [{}])
        replay = Replay.create(
            script=script,
            version=script.version,
            arguments={**script.arguments, **told.arguments},
            of=of,
            filters=filters,
            task=task,
            last=last,
            total=total,
        )
        Task.update(target={"replay": replay.id}).where(Task.id == task).execute()
        events.tell("replay.asked", name, replay=replay.id, of=of, total=total)
    if not total:
        comparing.complete(db, replay.id)
    return int(replay.id)


def _asked(told: ReplayBody) -> tuple[Literal["mails", "files"], _Filters]:
    if (told.mails is None) == (told.files is None):
        raise RefusedError("bad_body", "a replay goes over `mails` or over `files`: give one")
    if told.mails is not None:
        _check(told.mails, query.FILTERS)
        return "mails", told.mails
    _check(told.files or {}, filelist.FILTERS)
    return "files", told.files or {}


def _check(given: Mapping[str, str], known: tuple[Parameter, ...]) -> None:
    names = {each.name for each in known}
    for name in given:
        if name not in names:
            take = ", ".join(sorted(names))
            raise RefusedError("unknown_parameter", f"there is no filter {name!r}: take {take}")


def found(id_: int) -> Any:
    """A replay with its script; RefusedError when there is none."""
    replay = Replay.select(Replay, Script).join(Script).where(Replay.id == id_).get_or_none()
    if replay is None:
        raise RefusedError("not_found", f"there is no replay {id_}")
    return replay


def claim(db: Database, id_: int, asked: ClaimBatch) -> ReplayBatch:
    """Lease the next items to a runner; none while another one has the lease."""
    if choosing.choose(db, id_):
        comparing.complete(db, id_)
    with db.writing():
        replay = found(id_)
        script, version = replay.script, scripts.version(replay.script, replay.version)
        batch = ReplayBatch(script=script.name, version=replay.version, of=replay.of)
        if replay.state != "running" or not _is_free(replay.task_id, asked.worker):
            return batch
        until = _until(asked.lease_seconds)
        replay.claim = secrets.token_hex(16)
        replay.save()
        tasks.lease_until(replay.task_id, asked.worker, until)
        return msgspec.structs.replace(
            batch,
            claim=replay.claim,
            lease_until=until,
            source=version.source,
            arguments=replay.arguments,
            secrets=script.secrets,
            seconds=script.seconds,
            megabytes=script.megabytes,
            network=script.network,
            items=_left(replay, asked.most),
        )


def _is_free(task: int, worker: str) -> bool:
    row = Task.get_by_id(task)
    return bool(row.state == "due" or row.worker == worker or row.lease_until < now())


def _left(replay: Replay, most: int) -> list[int]:
    left = ReplayItem.select(ReplayItem.item).where(
        ReplayItem.replay == replay, ReplayItem.status == ""
    )
    return [id_ for (id_,) in left.order_by(ReplayItem.item).limit(most).tuples()]


def _until(seconds: float) -> str:
    return stamp(datetime.now(UTC) + timedelta(seconds=seconds))


def take(db: Database, id_: int, told: TellItems) -> ItemsTaken:
    """Keep results, each once; the last one ends the replay. RefusedError: the lease is lost."""
    until = _until(told.lease_seconds)
    with db.writing():
        replay = found(id_)
        task = Task.get_by_id(replay.task_id)
        is_held = task.state == "leased" and task.lease_until >= now()
        if replay.state != "running" or replay.claim != told.claim or not is_held:
            raise RefusedError("lease_lost", f"replay {id_} is not leased under this claim")
        for item in told.items:
            if _keep(replay, item):
                name = "completed" if item.status == "completed" else "failed"
                setattr(replay, name, getattr(replay, name) + 1)
        replay.changed = now()
        replay.save()
        tasks.lease_until(replay.task_id, task.worker, until)
        done = replay.completed + replay.failed
        is_over = replay.chosen >= replay.last and not choosing.is_left(replay)
    if is_over:
        comparing.complete(db, id_)
        replay.state = found(id_).state
    return ItemsTaken(
        done=done, total=replay.total, stop=replay.state != "running", lease_until=until
    )


def _keep(replay: Replay, item: ItemResult) -> bool:
    is_output = item.status == "completed" and item.output != ""
    if is_output and not item.sha256:
        raise RefusedError("bad_body", f"item {item.id} has an output and no sha256 of it")
    kept: int = (
        ReplayItem.update(
            status=item.status,
            sha256=item.sha256 if is_output else "",
            cut=item.cut,
            error=clean(item.error, MAX_LINE),
            output=clean(item.output),
        )
        .where(ReplayItem.replay == replay, ReplayItem.item == item.id, ReplayItem.status == "")
        .execute()
    )
    return bool(kept)


def stop(db: Database, id_: int) -> None:
    """Let a replay end where it is; over is over."""
    with db.writing():
        replay = found(id_)
        if replay.state == "running":
            comparing.end(replay, "stopped")


def lines(id_: int) -> Iterator[bytes]:
    """The results, one JSON a line, in the order of their ids."""
    last = 0
    while rows := list(_after(id_, last)):
        last = rows[-1].item
        for row in rows:
            line = ReplayLine(
                id=row.item,
                status=row.status,
                output=row.output,
                sha256=row.sha256,
                cut=row.cut,
                error=row.error,
                was=row.was,
            )
            yield encode(line).encode() + b"\n"


def _after(id_: int, last: int) -> Any:
    some = ReplayItem.select().where(ReplayItem.replay == id_, ReplayItem.item > last)
    return some.order_by(ReplayItem.item).limit(CHUNK)


def of_mail(mail: int, most: int) -> list[ReplayItem]:
    """What the newest replays made of a mail."""
    newest = Replay.select(Replay.id).where(Replay.of == "mails").order_by(Replay.id.desc())
    found = (
        ReplayItem.select(ReplayItem, Replay, Script)
        .join(Replay)
        .join(Script)
        .where(ReplayItem.replay.in_(newest.limit(most)), ReplayItem.item == mail)
        .order_by(Replay.id.desc())
    )
    return list(found)
