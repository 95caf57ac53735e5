"""One queue per source, served in turn, so that a large mailbox does not delay a small one."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """First in, first out within a source; round robin between them."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[T]] = OrderedDict()

    def put(self, source: str, work: T) -> None:
        """Queue the work behind the other work of its source."""
        self._lines.setdefault(source, deque()).append(work)

    def take(self) -> T | None:
        """Return the next work; its source goes to the end of the round."""
        if not self._lines:
            return None
        source, line = self._lines.popitem(last=False)
        work = line.popleft()
        if line:
            self._lines[source] = line
        return work

    def clear(self) -> Iterator[T]:
        """Take all that waits."""
        while (work := self.take()) is not None:
            yield work
