"""Which items were in hand when a worker died or hung, and how often."""

from collections import OrderedDict
from collections.abc import Iterable

from postroom import wire

#: After so many an item is kept raw and not parsed again.
OUT = 2

Place = tuple[str, int, str, int, wire.Key]


def place(push: wire.Push, item: wire.Item) -> Place:
    """What an item is known by, whatever push it comes with."""
    return (push.mailbox, push.epoch, push.folder, push.uidvalidity, item.key)


class Strikes:
    """A bounded count; the oldest are forgotten first."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._counts: OrderedDict[Place, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def count(self, where: Place) -> int:
        """How many strikes the item has."""
        return self._counts.get(where, 0)

    def add(self, places: Iterable[Place]) -> None:
        """Their worker died or hung while it had them in hand."""
        for where in places:
            self._counts[where] = self._counts.pop(where, 0) + 1
        while len(self._counts) > self._most:
            self._counts.popitem(last=False)

    def forget(self, places: Iterable[Place]) -> None:
        """A worker has been through with them and lives."""
        for where in places:
            self._counts.pop(where, None)
