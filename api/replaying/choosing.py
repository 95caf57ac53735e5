"""What a replay goes over: chosen part by part, so that no transaction is long."""

from collections.abc import Mapping
from typing import Any

import peewee

from ..database import Database, bulk
from ..mails import query
from ..models import File, Mail, Replay, ReplayItem
from ..watching import filelist

#: Items that are chosen in one transaction.
PART = 2_000
_NOTHING_YET = {"status": "", "sha256": "", "cut": False, "was": "", "error": "", "output": ""}


def counted(of: str, filters: Mapping[str, str]) -> tuple[int, int]:
    """The last id that there is, and how many items up to it are wanted."""
    model, found = _wanted(of, filters)
    last = int(model.select(peewee.fn.MAX(model.id)).scalar() or 0)
    return last, int(found.where(model.id <= last).order_by().count())


def choose(db: Database, id_: int) -> bool:
    """Write down the next items where none is left; whether the replay has done all of them."""
    while (replay := Replay.get_or_none(Replay.id == id_)) and replay.state == "running":
        if is_left(replay):
            return False
        if replay.chosen >= replay.last:
            return True
        # Looked for before the transaction: that may take long where few are wanted.
        ids = _next(replay)
        upto = ids[-1] if len(ids) == PART else replay.last
        with db.writing():
            _take(replay, ids, upto)
    return False


def is_left(replay: Replay) -> bool:
    """Whether an item is chosen and not done."""
    left = ReplayItem.select().where(ReplayItem.replay == replay, ReplayItem.status == "")
    return bool(left.exists())


def _next(replay: Replay) -> list[int]:
    model, found = _wanted(replay.of, replay.filters)
    some = found.where(model.id > replay.chosen, model.id <= replay.last)
    ids = some.select(model.id).order_by(model.id).limit(PART)
    return [id_ for (id_,) in ids.tuples()]


def _take(replay: Replay, ids: list[int], upto: int) -> None:
    # Another runner may have asked at the same time.
    is_next = (Replay.id == replay.id) & (Replay.chosen == replay.chosen)
    if Replay.update(chosen=upto).where(is_next).execute():
        bulk.insert(ReplayItem, [{"replay": replay.id, "item": id_, **_NOTHING_YET} for id_ in ids])


def _wanted(of: str, filters: Mapping[str, str]) -> tuple[Any, Any]:
    if of == "mails":
        return Mail, query.mails(filters).where(Mail.has_raw)
    return File, filelist.selected(filters).where(File.state == "stored")
