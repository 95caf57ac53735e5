"""Scripts as the runner's tests run them."""

import os
import shutil
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from postroom.errors import SettingsError
from postroom.settings import Config, RawSection, Runner
from runner import isolation
from runner.job import Ended, Item, ItemEnded, Job
from runner.room import work, work_batch
from runner.workshop import Workshop
from tests.documents import ROOT

IMPORT = "from postroom_script import context, output\n"
MAIL = b"""From: =?utf-8?q?=C3=84nnchen?= <ann@example.org>
To: bob@example.org, Carl <carl@example.org>
Subject: =?utf-8?q?caf=C3=A9?=
Date: Thu, 01 Jan 2026 10:00:00 +0200
Message-ID: <1@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Hello
--b
Content-Type: text/csv
Content-Disposition: attachment; filename="../../etc/prices.csv"

1,2
--b--
"""


@contextmanager
def reachable() -> Iterator[Path]:
    """A folder that every user of this machine can reach; pytest's own are for root alone."""
    folder = Path(tempfile.mkdtemp(prefix="postroom-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def need_bubblewrap() -> None:
    """Skip the test where bubblewrap is missing or may not work; on CI it must be there."""
    if shutil.which("bwrap") is None:
        reason = "bubblewrap is missing: `make system-deps` installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    if reason := _fault():
        pytest.skip(reason)


@cache
def _fault() -> str:
    try:
        isolation.choose(config(Path("/"), isolation="bubblewrap").section("runner", Runner))
    except SettingsError as e:
        return str(e)
    return ""


def config(folder: Path, **values: Any) -> Config:
    told = {key: str(value) for key, value in values.items()}
    file = folder / "config.ini"
    return Config(file, {"runner": RawSection(str(file), "runner", told)})


class Runs:
    """Runs scripts in a folder of their own each, and keeps what they print."""

    def __init__(self, folder: Path, **values: Any) -> None:
        self.folder = folder
        self.workshop = Workshop(config(folder, **values))
        self.log = {"out": b"", "err": b""}
        self.pieces: list[tuple[str, bytes]] = []
        self.stop = Event()
        self._count = 0

    def job(self, source: str, **more: Any) -> Job:
        told = {"run": 7, "script": "test", "seconds": 20.0, **more}
        return Job(source=IMPORT + textwrap.dedent(source), **told)

    def __call__(self, source: str, **more: Any) -> Ended:
        self.log = {"out": b"", "err": b""}
        return work(self.job(source, **more), self._own(), self.workshop, self._told, self.stop)

    def batch(self, source: str, items: list[Item], **more: Any) -> list[ItemEnded]:
        """What became of each item."""
        most = more.pop("most_bytes", 65_536)
        job = self.job(source, **more)
        ended = work_batch(job, items, self._own(), self.workshop, self._told, self.stop, most)
        return list(ended)

    @property
    def printed(self) -> str:
        return self.log["out"].decode()

    def _own(self) -> Path:
        self._count += 1
        folder = self.folder / f"run-{self._count}"
        folder.mkdir()
        return folder

    def _told(self, stream: str, piece: bytes) -> None:
        self.log[stream] += piece
        self.pieces.append((stream, piece))


def run_example(runs: Runs, name: str, **more: Any) -> Ended:
    """Run a script of examples/; how it ended."""
    return runs((ROOT / f"examples/{name}.py").read_text("utf-8"), **more)


def text(ended: Ended) -> str:
    """The run's output."""
    return ended.output.read_text() if ended.output else ""


def artefacts(ended: Ended) -> dict[str, str]:
    """The texts of the run's artefacts, by name."""
    return {path.name: path.read_text() for path in ended.artefacts}


def numbered(count: int) -> list[Item]:
    return [Item(key=str(number)) for number in range(count)]
