"""Daemons as processes of one's own, their lines passed on, ended in the right order."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from postroom import house

#: A daemon drains within 5 s; after twice that it hangs.
DRAIN_SECONDS = 10.0
LOOK_SECONDS = 0.05

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Child:
    """One daemon and the thread that reads its lines."""

    name: str
    process: subprocess.Popen[str]
    reader: threading.Thread

    @property
    def ended(self) -> str:
        """A sentence about its end; empty while it lives."""
        status = self.process.poll()
        if status is None:
            return ""
        # Its last words before ours.
        self.reader.join(1)
        return f"{self.name} ended by itself with status {status}; see its lines above"


class Children:
    """Started one after another, stopped in the opposite order; they end when this process does.

    `say(name, line)` hears what they write; variables that begin like `without` are kept from
    them.
    """

    def __init__(self, config: Path, say: Say, without: tuple[str, ...] = ()) -> None:
        self._config = config
        self._say = say
        self._without = without
        self._children: list[Child] = []

    def start(self, name: str) -> None:
        """Run `python -m NAME` with these settings."""
        self._children.append(self._started(name))

    def _started(self, name: str) -> Child:
        process = subprocess.Popen(  # noqa: S603 - our own modules, by this very interpreter
            [*house.command(name), "--config", str(self._config), "--with-parent"],
            # Never written to: it closes when this process is gone, however it ended.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(self._without),
            encoding="utf-8",
            errors="replace",
            # Else Ctrl-C reached it too, and our own signal, its second, cut it off.
            start_new_session=True,
        )
        reader = threading.Thread(target=self._pass_on, args=(name, process), daemon=True)
        reader.start()
        return Child(name, process, reader)

    def _pass_on(self, name: str, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._say(name, line.rstrip("\n"))

    def ended(self) -> str:
        """A sentence about a daemon that ended by itself; empty while all live."""
        return next(filter(None, (child.ended for child in self._children)), "")

    def revive(self) -> list[str]:
        """Start again what ended by itself; a sentence about each."""
        told = []
        for at, child in enumerate(self._children):
            if sentence := child.ended:
                told.append(sentence)
                _let_go(child)
                self._children[at] = self._started(child.name)
        return told

    def await_ready(self, ready: Callable[[], bool], seconds: float, stop: threading.Event) -> str:
        """Return when `ready()`, or when told to stop; a sentence when it did not come to that."""
        end = time.monotonic() + seconds
        while not ready():
            if failed := self.ended():
                return failed
            if time.monotonic() > end:
                return f"{self._children[-1].name} did not answer within {seconds:.0f} s"
            if stop.wait(LOOK_SECONDS):
                break
        return ""

    def stop(self) -> None:
        """Let each drain, the one that others rely on last; kill what hangs."""
        for child in reversed(self._children):
            self._end(child)
        self._children.clear()

    def _end(self, child: Child) -> None:
        child.process.terminate()
        try:
            child.process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._say(child.name, f"did not end within {DRAIN_SECONDS:.0f} s: killed")
            os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
        _let_go(child)


def _let_go(child: Child) -> None:
    child.reader.join(1)
    for pipe in (child.process.stdin, child.process.stdout):
        if pipe:
            pipe.close()


def _environment(without: tuple[str, ...]) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(without)}
    return own | {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
