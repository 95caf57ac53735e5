"""The daemons as processes of their own, their lines passed on, ended in the right order."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: A daemon drains within 5 s; after twice that it hangs.
DRAIN_SECONDS = 10.0

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Child:
    """One daemon and the thread that reads its lines."""

    name: str
    process: subprocess.Popen[str]
    reader: threading.Thread


class Children:
    """Started one after another, stopped in the opposite order."""

    def __init__(self, config: Path, say: Say) -> None:
        self._config = config
        self._say = say
        self._children: list[Child] = []

    def start(self, name: str) -> None:
        """Run `python -m NAME` with the demo's settings."""
        process = subprocess.Popen(  # noqa: S603 - our own modules, by this very interpreter
            [sys.executable, "-m", name, "--config", str(self._config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            encoding="utf-8",
            errors="replace",
            # Else Ctrl-C reached it too, and our own signal, its second, cut it off.
            start_new_session=True,
        )
        reader = threading.Thread(target=self._pass_on, args=(name, process), daemon=True)
        reader.start()
        self._children.append(Child(name, process, reader))

    def _pass_on(self, name: str, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._say(name, line.rstrip("\n"))

    def ended(self) -> str:
        """A sentence about a daemon that ended by itself; empty while all live."""
        for child in self._children:
            status = child.process.poll()
            if status is not None:
                child.reader.join(1)
                return f"{child.name} ended by itself with status {status}; see its lines above"
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
            self._say("demo", f"{child.name} did not end within {DRAIN_SECONDS:.0f} s: killed")
            os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
        child.reader.join(1)
        if child.process.stdout:
            child.process.stdout.close()


def _environment() -> dict[str, str]:
    # The demo hangs on nothing outside its folder: no token or password of the real office.
    own = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
    return own | {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
