"""Mails that the master put off: they are not downloaded again before their time."""

import time
from collections.abc import Mapping
from typing import Any

from postroom.wire import Key

#: Mails that are remembered; what is more is only downloaded once more than needed.
MOST = 10_000

_Name = tuple[Any, ...]


class Later:
    """Of one mailbox, over all its passes; in memory alone, as the master says it again."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        #: By place and key: when it is due, by the monotonic clock.
        self._due: dict[_Name, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def put_off(self, place: Mapping[str, Any], key: Key, after: float) -> None:
        """The mail is not to be sent before so many seconds."""
        name = _name(place, key)
        if name not in self._due and len(self._due) >= self._most:
            self._forget_due()
        if name in self._due or len(self._due) < self._most:
            self._due[name] = time.monotonic() + after

    def left(self, place: Mapping[str, Any], key: Key) -> float:
        """Seconds until the mail is due; 0 for one that was not put off."""
        if not self._due:
            return 0.0
        due = self._due.get(_name(place, key), 0.0)
        return max(0.0, due - time.monotonic())

    def soonest(self) -> float | None:
        """Seconds until the first one is due; None when nothing waits."""
        self._forget_due()
        return min(self._due.values()) - time.monotonic() if self._due else None

    def _forget_due(self) -> None:
        now = time.monotonic()
        self._due = {name: due for name, due in self._due.items() if due > now}


def _name(place: Mapping[str, Any], key: Key) -> _Name:
    return (*place.values(), key)
