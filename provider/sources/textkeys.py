"""Listings of mails that are named by texts."""

import os
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice

from postroom import wire

from . import WINDOW_KEYS

#: Below and above every key.
LOWEST, HIGHEST = "\x01", "\U0010ffff"
#: Characters; the wire takes more, and the key of a part may be longer.
MAX_KEY = 400


def windows(keys: Iterable[str]) -> Iterator[wire.Window]:
    """Closed windows that touch, the highest keys first."""
    falling = iter(sorted(keys, reverse=True))
    chunk, high = list(islice(falling, WINDOW_KEYS)), HIGHEST
    while True:
        following = list(islice(falling, WINDOW_KEYS))
        low = chunk[-1] if following else LOWEST
        yield wire.Window(low=low, high=high, keys=chunk)
        if not following:
            return
        # The next text below a text has no name of its own: the windows share that one.
        high, chunk = low, following


def fit(text: str) -> str:
    """The text as a key; what is too long or cannot be shown goes by its hash."""
    if 0 < len(text) <= MAX_KEY and text.isprintable():
        return text
    return f"name-{sha256(os.fsencode(text)).hexdigest()}"
