"""What the master asks of a waiting source, and what became of it."""

from typing import Any

from postroom import wire
from postroom.wire import Key

#: sync: pass over the folders now; fetch: one mail again; verify: sync, and compare samples.
KINDS = ("sync", "fetch", "verify")
#: Characters of a result; the wire bounds what a PASS may hold.
MAX_RESULT = 1_000


class Tasks:
    """Tasks that came in the replies to PASS, until the master knows that they are done."""

    def __init__(self) -> None:
        self._open: dict[int, wire.Task] = {}
        self._done: dict[int, str] = {}

    def add(self, tasks: list[wire.Task]) -> None:
        """Take what is new; a task comes again until it is told as done."""
        for task in tasks:
            if task.kind not in KINDS:
                self.done(task, f"this provider knows no task of the kind {task.kind!r}")
            elif task.id not in self._done:
                self._open.setdefault(task.id, task)

    def open(self, kind: str) -> list[wire.Task]:
        """Those of a kind that wait to be carried out."""
        return [task for task in self._open.values() if task.kind == kind]

    @property
    def waiting(self) -> bool:
        """Whether anything is to be carried out."""
        return bool(self._open)

    def done(self, task: wire.Task, result: str) -> None:
        """Note the result, to be told with the next PASS."""
        self._open.pop(task.id, None)
        self._done[task.id] = result[:MAX_RESULT]

    def results(self) -> list[tuple[int, str]]:
        """Ids and results that the master does not know yet."""
        return list(self._done.items())[:100]

    def told(self, results: list[tuple[int, str]]) -> None:
        """The master has taken note of these."""
        for task_id, _ in results:
            self._done.pop(task_id, None)


def target_key(target: dict[str, Any]) -> Key | None:
    """The key that a task names: a UID, or a text for sources without."""
    key = target.get("key", target.get("uid"))
    if isinstance(key, bool) or not isinstance(key, int | str) or not key:
        return None
    return key
