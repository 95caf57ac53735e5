"""The one transaction by which mail enters: contents, places, words, events, or nothing."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from postroom.errors import ParseError, PostroomError
from postroom.storage import Storage

from .. import deliveries
from ..database import Database, in_savepoint
from ..deliveries import Delivery
from ..log import events, traced
from ..objects import stores
from ..sources import days, places, silence
from . import contents

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one mail of a batch."""

    status: str
    reason: str = ""
    id: int | None = None

    def shown(self) -> dict[str, Any]:
        """As the API's answer has it."""
        told = {"status": self.status, "reason": self.reason, "id": self.id}
        return {name: value for name, value in told.items() if value}


def ingest(
    db: Database, values: Sequence[Any], storage: Storage, store: str = "", batch: int = 0
) -> list[Answer]:
    """Commit the mails and answer for each, in order.

    A mail that no table takes is quarantined alone, the rest of its batch goes on. Raises
    TemporaryError when nothing was decided.
    """
    read = [_read(value) for value in values]
    good = [one for one in read if isinstance(one, Delivery)]
    good = [_with_size(one, storage) for one in good]
    raws = [(one.sha256, one.raw) for one in good if one.raw is not None]
    if raws:
        store, batch = storage.id, storage.put_many(raws)
    try:
        with db.adding():
            answers = iter(_ingest(db, good, storage))
            _account(good, store, batch)
    except PostroomError:
        raise
    except Exception:
        # Whatever one mail does to the tables or to us, it is to stop no other.
        log.exception("a batch of %d failed: one by one", len(good))
        with db.writing():
            answers = iter([_alone(db, one, storage) for one in good])
            _account(good, store, batch)
    given = [next(answers) if isinstance(one, Delivery) else one for one in read]
    traced.mails([(one, a.status, a.id) for one, a in zip(read, given, strict=True)])
    return given


def _account(batch: Sequence[Delivery], store: str, number: int) -> None:
    """Note what a batch tells beside its mails: the store it relies on, that its sources live."""
    stores.rely(store, number)
    silence.brought({one.mailbox for one in batch})
    days.add(batch)


def _with_size(one: Delivery, storage: Storage) -> Delivery:
    """A mail that only names its raw bytes has them if the store has."""
    if one.size or not one.sha256 or not storage.exists([one.sha256]):
        return one
    return msgspec.structs.replace(one, size=storage.size(one.sha256))


def _read(value: Any) -> Delivery | Answer:
    if isinstance(value, Delivery):
        return value
    try:
        return deliveries.read(value)
    except ParseError as e:
        return Answer("refused", str(e))


def _alone(db: Database, one: Delivery, storage: Storage) -> Answer:
    result = in_savepoint(db, partial(_ingest, db, [one], storage))
    if not isinstance(result, Exception):
        return result[0]
    reason = f"{type(result).__name__}: {result}"
    if one.key is None:
        return Answer("refused", reason)
    failed = msgspec.structs.replace(
        one, outcome="quarantined", stage="store", reason=reason[:5_000], mail=None, raw=None
    )
    return _ingest(db, [failed], storage)[0]


def _ingest(db: Database, batch: Sequence[Delivery], storage: Storage) -> list[Answer]:
    told: list[events.Told] = []
    ids, fresh, purged = contents.insert(db, batch, storage, told)
    places.settle(batch, ids, told, purged)
    events.tell_many(told)
    answers = []
    for one in batch:
        if one.outcome:
            answers.append(Answer(one.outcome, one.reason))
            continue
        status = "stored" if one.sha256 in fresh else "duplicate"
        fresh.discard(one.sha256)
        answers.append(Answer(status, id=ids[one.sha256]))
    return answers
