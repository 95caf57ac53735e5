"""Where items lie at their sources, and what became of each."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ..database import bulk
from ..deliveries import Delivery
from ..log.events import Told
from ..models import Place, Quarantine, database, now
from ..schedule import next_try
from . import windows
from .folders import Numbered, Numbering, find_or_open, key_text, told_last

STAGES = {"refused": "fetch", "too_big": "size", "quarantined": "parse"}
Row = dict[str, Any]
#: peewee's own defaults are no part of the schema.
DEFAULTS: Row = {"verified": True, "attempts": 0, "next_try": ""}


def settle(
    batch: Sequence[Delivery], ids: Mapping[str, int], told: list[Told], purged: Collection[str]
) -> None:
    """Write down the place of each delivery that has one; `ids` are the contents' by SHA-256.

    What stays `purged` is known under its place and no more than that.
    """
    by_folder: dict[Numbering, list[Delivery]] = defaultdict(list)
    for one in batch:
        if one.key is not None and one.mailbox:
            by_folder[_numbering(one)].append(one)
    for numbering, group in sorted(by_folder.items(), key=lambda pair: str(pair[0])):
        folder = find_or_open(numbering)
        _settle_folder(folder, group, ids, told, purged)
        stored = [key_text(one.key) for one in group if one.key is not None and not one.outcome]
        told_last(folder, max(stored, default="0"))


def _numbering(one: Delivery) -> Numbering:
    return Numbering(one.mailbox, one.epoch, one.folder, one.uidvalidity, one.generation)


def _settle_folder(
    folder: Numbered,
    group: Sequence[Delivery],
    ids: Mapping[str, int],
    told: list[Told],
    purged: Collection[str],
) -> None:
    keyed: dict[str, Delivery] = {}
    again: list[Delivery] = []
    for one in group:
        key = key_text(one.key or "")
        if keyed.setdefault(key, one) is not one:
            again.append(one)
    held = _held(folder, keyed)
    new: list[Row] = []
    for key in sorted(keyed):
        one, versions = keyed[key], held.get(key, [])
        state = "purged" if one.sha256 in purged else "stored"
        if one.outcome and state == "stored":
            _fail(folder, key, one, versions, ids.get(one.sha256), told)
        elif not versions:
            new.append(_row(folder, key, 0, one, ids) | {"state": state})
        elif not _refresh(versions, one, ids[one.sha256], state):
            row = _row(folder, key, versions[-1].version + 1, one, ids)
            new.append(row | {"state": state})
            told.append(_conflict(folder, one, versions[-1]))
    bulk.insert(Place, new)
    if again:
        # A key that stands twice in one batch: the later one finds the earlier one held.
        _settle_folder(folder, again, ids, told, purged)


class Held(NamedTuple):
    """A row that stands in a place already."""

    id: int
    key: str
    version: int
    mail: int | None
    server_size: int


# Written out, as are all statements that every batch needs: peewee takes longer to build them
# than SQLite to run them.
_HELD = """
    SELECT id, "key", version, mail_id, server_size FROM places
    WHERE folder_id = {0} AND "key" IN ({1}) ORDER BY version"""


def _held(folder: Numbered, keys: Collection[str]) -> dict[str, list[Held]]:
    """The rows of these keys, each key's versions in rising order."""
    found: dict[str, list[Held]] = defaultdict(list)
    sql = _HELD.format(database.param, ", ".join([database.param] * len(keys)))
    for row in database.execute_sql(sql, (folder.id, *keys)):
        held = Held(*row)
        found[held.key].append(held)
    return found


def _row(folder: Numbered, key: str, version: int, one: Delivery, ids: Mapping[str, int]) -> Row:
    time = now()
    return {
        "created": time,
        "changed": time,
        "folder": folder.id,
        "key": key,
        "version": version,
        "mail": ids[one.sha256],
        "server_size": one.server_size,
        **DEFAULTS,
    }


def _refresh(versions: Sequence[Held], one: Delivery, mail: int, state: str) -> bool:
    """Settle a known place with this content; False when it holds other bytes."""
    place = next((p for p in versions if p.mail == mail), None)
    if place is None and versions[-1].mail is None:
        place = versions[-1]
    if place is None:
        return False
    Place.update(
        mail=mail,
        state=state,
        verified=True,
        server_size=one.server_size or place.server_size,
        attempts=0,
        next_try="",
        changed=now(),
    ).where(Place.id == place.id).execute()
    Quarantine.delete().where(Quarantine.place == place.id).execute()
    return True


def _conflict(folder: Numbered, one: Delivery, before: Held) -> Told:
    about = {
        "folder": folder.name,
        "key": one.key,
        "sha256": one.sha256,
        "mail_before": before.mail,
    }
    return Told("place.conflict", one.mailbox, about)


def _fail(
    folder: Numbered,
    key: str,
    one: Delivery,
    versions: Sequence[Held],
    mail: int | None,
    told: list[Told],
) -> None:
    """Count a failed try; what was stored before stays stored."""
    if versions:
        place = Place.get_by_id(versions[-1].id)
    else:
        place = Place(folder=folder.id, key=key, state=one.outcome)
    if place.state in windows.KEPT:
        return
    place.attempts += 1
    place.server_size = one.server_size or place.server_size
    place.mail = mail or place.mail_id
    place.changed = now()
    place.next_try = next_try(place.attempts) if _is_due_again(one) else ""
    if place.state != "damaged" or (one.outcome == "quarantined" and one.size):
        place.state = one.outcome
    place.save()
    if one.outcome == "gone":
        Quarantine.delete().where(Quarantine.place == place).execute()
    else:
        _quarantine(place, one, told)


def _is_due_again(one: Delivery) -> bool:
    """Not what we hold the bytes of, which is tried again from those, nor what went."""
    return one.outcome != "gone" and not (one.outcome == "quarantined" and one.size)


def _quarantine(place: Place, one: Delivery, told: list[Told]) -> None:
    time = now()
    row: Row = {
        "stage": one.stage or STAGES[one.outcome],
        "reason": one.reason or one.outcome,
        "attempts": place.attempts,
        "sha256": one.sha256,
        "size": one.size or one.server_size,
        "changed": time,
    }
    Quarantine.insert(place=place, created=time, **row).on_conflict(
        conflict_target=[Quarantine.place], update=row
    ).execute()
    about = {"folder": one.folder, "key": one.key, "stage": row["stage"], "reason": row["reason"]}
    told.append(Told("mail.quarantined", one.mailbox, about))
