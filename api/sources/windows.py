"""What is known of a window of keys."""

from typing import NamedTuple

import peewee

from postroom import wire
from postroom.wire import Key

from ..models import Folder, Place
from ..schedule import seconds_until
from .folders import key_text, key_value

#: What a listing is not asked for: held, or held until its mailbox let it go.
KEPT = ("stored", "purged")


class Known(NamedTuple):
    """The last version of a place."""

    state: str
    next_try: str


def known(folder: Folder, window: wire.Window) -> dict[str, Known]:
    """What is known of the keys of a closed window, by index range."""
    rows = (
        Place.select(Place.key, Place.state, Place.next_try)
        .where(
            Place.folder == folder,
            Place.key.between(key_text(window.low), key_text(window.high)),
        )
        .order_by(Place.key, Place.version)
        .tuples()
    )
    # The last version of a key comes last and wins.
    return {key: Known(state, next_try) for key, state, next_try in rows.iterator()}


def is_wanted(place: Known | None, time: str) -> bool:
    """Whether a listed key is to be sent now."""
    if place is None:
        return True
    if place.state in KEPT:
        return False
    if place.state == "gone" or (place.state == "damaged" and not place.next_try):
        # The server lists it again.
        return True
    return bool(place.next_try) and place.next_try <= time


def due_in(folder: Folder) -> float | None:
    """Seconds until the next failed item of a folder is wanted again."""
    first = (
        Place.select(Place.next_try)
        .where(Place.folder == folder, Place.next_try > "")
        .order_by(Place.next_try)
        .limit(1)
        .scalar()
    )
    return None if first is None else seconds_until(first)


def lowest(folder: Folder) -> Key | None:
    """The lowest key of a folder that anything is known of."""
    key = Place.select(peewee.fn.MIN(Place.key)).where(Place.folder == folder).scalar()
    return None if key is None else key_value(key)
