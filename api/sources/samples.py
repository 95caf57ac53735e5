"""Held keys that a provider may compare with its server."""

import random

from postroom import wire
from postroom.wire import Key

from ..models import Folder, Mail, Place
from . import windows
from .folders import key_text, key_value

#: Random ones, beside the highest.
SAMPLES = 3


def take(folder: Folder, window: wire.Window) -> list[wire.Sample]:
    """The highest held key of the window and a few at random, as the server described them."""
    stored = (
        Place.select(Place.key, Place.server_size, Mail.message_id)
        .join(Mail)
        .where(
            Place.folder == folder,
            Place.state << windows.KEPT,
            Place.key.between(key_text(window.low), key_text(window.high)),
        )
    )
    listed = {key_text(key) for key in window.listed()}
    chosen = {
        row[0]: row
        for at in _starting_points(window)
        for row in stored.where(Place.key <= at).order_by(Place.key.desc()).limit(1).tuples()
        if row[0] in listed
    }
    return [
        wire.Sample(key_value(key), size, mid[: wire.MAX_TEXT])
        for key, size, mid in chosen.values()
    ]


def _starting_points(window: wire.Window) -> list[str]:
    listed: list[Key] = list(window.listed())
    if not listed:
        return []
    some = random.sample(listed, min(SAMPLES, len(listed)))
    return [key_text(window.high), *(key_text(key) for key in some)]
