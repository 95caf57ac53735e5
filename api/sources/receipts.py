"""Receipts: what a pass came to, counted by us over what the server listed."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from postroom import wire

from ..models import Folder, Place, Quarantine, Receipt, now
from ..schedule import stamp
from . import deletions, windows
from .folders import key_text

COUNTS = ("listed", "stored", "quarantined", "refused", "too_big", "missing", "gone", "purged")
#: A listing is never skipped for longer.
TRUSTED = timedelta(hours=1)
MAX_MISSING_KEYS = 100
#: Rows that one statement names.
CHUNK = 1_000


def take(folder: Folder, told: wire.PassWindow) -> wire.Receipt | None:
    """Count one window of a pass; the receipt when it was the last one.

    Call it inside a write transaction. A window told twice counts once.
    """
    receipt, _ = Receipt.get_or_create(pass_id=told.pass_id, defaults={"folder": folder})
    receipt.windows = {**receipt.windows, str(told.index): _count(folder, told.window)}
    if told.window is not None:
        _forget_absent(folder, told.window)
        deletions.settle_absent(folder, told.window)
    receipt.changed = now()
    # A window that never came leaves the receipt open: it would prove nothing.
    if told.last and len(receipt.windows) == told.index + 1:
        _close(receipt, told)
    receipt.save()
    return _shown(receipt) if receipt.complete else None


def _count(folder: Folder, window: wire.Window | None) -> dict[str, Any]:
    if window is None:
        return {}
    held = windows.known(folder, window)
    states = {key: _state(held.get(key_text(key))) for key in window.listed()}
    counts = Counter(states.values())
    missing = [key for key, state in states.items() if state == "missing"]
    return {
        **counts,
        # What went while we listed is counted apart: the server no longer has it.
        "listed": len(states) - counts["gone"],
        "missing_keys": missing[:MAX_MISSING_KEYS],
    }


def _forget_absent(folder: Folder, window: wire.Window) -> None:
    """What failed before and is listed no longer is due no longer."""
    listed = {key_text(key) for key in window.listed()}
    due = Place.select(Place.id, Place.key).where(
        Place.folder == folder,
        Place.key.between(key_text(window.low), key_text(window.high)),
        Place.next_try > "",
    )
    absent = [place.id for place in due if place.key not in listed]
    for start in range(0, len(absent), CHUNK):
        these = absent[start : start + CHUNK]
        Place.update(next_try="", changed=now()).where(Place.id.in_(these)).execute()
        # A stored mail whose object was lost stays known as such.
        Place.update(state="gone").where(Place.id.in_(these), Place.state != "damaged").execute()
        Quarantine.delete().where(Quarantine.place.in_(these)).execute()


def _state(place: windows.Known | None) -> str:
    return "missing" if place is None or place.state == "damaged" else place.state


def _close(receipt: Any, told: wire.PassWindow) -> None:
    counted = list(receipt.windows.values())
    for name in COUNTS:
        setattr(receipt, name, sum(window.get(name, 0) for window in counted))
    keys = [key for window in counted for key in window.get("missing_keys", [])]
    receipt.missing_keys = keys[:MAX_MISSING_KEYS]
    receipt.windows = {}
    receipt.server_exists = told.status.exists
    receipt.server_uidnext = told.status.uidnext
    receipt.server_modseq = told.status.modseq
    receipt.took = told.took
    receipt.complete = True


def _shown(receipt: Receipt) -> wire.Receipt:
    return wire.Receipt(**{name: getattr(receipt, name) for name in COUNTS})


def still_true(folder: Folder, status: wire.Status) -> bool:
    """Whether the folder's last receipt missed nothing and the server's numbers are the same."""
    last = (
        Receipt.select()
        .where(Receipt.folder == folder, Receipt.complete)
        .order_by(Receipt.id.desc())
        .first()
    )
    return (
        last is not None
        and last.missing == 0
        and status.uidnext is not None
        and status.exists is not None
        and (last.server_uidnext, last.server_exists, last.server_modseq)
        == (status.uidnext, status.exists, status.modseq)
        and last.changed > stamp(datetime.now(UTC) - TRUSTED)
        and windows.due_in(folder) != 0
    )
