"""What the master asks of a daemon, and what became of it."""

import threading
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

from postroom import wire

#: Characters of a result, and how many one request tells; the wire bounds both.
MAX_RESULT = 1_000
MAX_RESULTS = 100

T = TypeVar("T", bound=wire.Task)


class Tasks(Generic[T]):
    """Tasks that came in replies, until the master knows that they are done; for any thread."""

    def __init__(self, kinds: Collection[str], who: str) -> None:
        self._kinds = kinds
        self._who = who
        self._lock = threading.Lock()
        self._open: dict[int, T] = {}
        self._done: dict[int, str] = {}
        self._later: dict[int, wire.Later] = {}

    def add(self, tasks: list[T]) -> list[T]:
        """Take what is new and return it; a task comes again until it is told as done."""
        added = []
        for task in tasks:
            if task.kind not in self._kinds:
                self.done(task, f"this {self._who} knows no task of the kind {task.kind!r}")
                continue
            with self._lock:
                if not {task.id} & (self._open.keys() | self._done.keys() | self._later.keys()):
                    self._open[task.id] = task
                    added.append(task)
        return added

    def open(self, kind: str, of: Callable[[T], bool] = lambda _: True) -> list[T]:
        """Those of a kind that wait to be carried out."""
        with self._lock:
            return [task for task in self._open.values() if task.kind == kind and of(task)]

    @property
    def waiting(self) -> bool:
        """Whether anything is to be carried out."""
        return bool(self._open)

    def done(self, task: T, result: str) -> None:
        """Note the result, to be told with the next request."""
        with self._lock:
            self._open.pop(task.id, None)
            self._done[task.id] = result[:MAX_RESULT]

    def later(self, task: T, after: float, reason: str) -> None:
        """Note that it failed for now: it is to come again after so many seconds."""
        with self._lock:
            self._open.pop(task.id, None)
            self._later[task.id] = wire.Later(task=task.id, after=after, reason=reason[:MAX_RESULT])

    def results(self) -> list[tuple[int, str]]:
        """Ids and results that the master does not know yet."""
        with self._lock:
            return list(self._done.items())[:MAX_RESULTS]

    def postponed(self) -> list[wire.Later]:
        """What the master does not know yet to have failed for now."""
        with self._lock:
            return list(self._later.values())[:MAX_RESULTS]

    def told(self, results: list[tuple[int, str]], postponed: Collection[wire.Later] = ()) -> None:
        """The master has taken note of these."""
        with self._lock:
            for task_id, _ in results:
                self._done.pop(task_id, None)
            for each in postponed:
                self._later.pop(each.task, None)
