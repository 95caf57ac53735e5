"""Daemons that the files in deploy/ start: ports of their own, a folder of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.documents import ROOT
from tests.servers.daemons import Daemons

MAIL = b"From: Ann <ann@example.org>\r\nSubject: Bonjour\r\n\r\nA demain.\r\n"


class House(Daemons):
    """A mailbox in a Maildir, each mail a row and a JSON file."""

    def __init__(self, folder: Path, **variables: Any) -> None:
        for name in ("cur", "new", "tmp"):
            (folder / "Maildir" / name).mkdir(parents=True)
        sinks = {"master": {"sinks": "api, directory"}, "sink directory": {"path": "json"}}
        mailbox = {"source": "maildir", "path": "Maildir", "poll_seconds": 1}
        super().__init__(folder, {"work": mailbox}, sinks)
        self.run_dir = folder / "run"
        self.environment = {
            "POSTROOM_CONFIG": str(folder / "config.ini"),
            "POSTROOM_PYTHON": sys.executable,
            "POSTROOM_RUN_DIR": str(self.run_dir),
            "POSTROOM_START_SECONDS": "60",
            "POSTROOM_STOP_SECONDS": "8",
            **{name: str(value) for name, value in variables.items()},
        }

    def postroom(self, *words: str, path: str = "") -> tuple[int, str]:
        """What deploy/postroom says, and its status."""
        done = subprocess.run(
            [ROOT / "deploy" / "postroom", *words],
            env=self.given(PATH=path) if path else self.given(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def given(self, **more: str) -> Mapping[str, str]:
        """The variables that programs of deploy/ get."""
        return {**os.environ, **self.environment, **more}

    def pid(self, name: str) -> int:
        """The process that a pidfile names; 0 without one."""
        try:
            return int((self.run_dir / f"{name}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a daemon a signal; its process id."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def told(self, name: str) -> str:
        """The log of a daemon."""
        return (self.folder / "data" / "log" / f"{name}.log").read_text()
