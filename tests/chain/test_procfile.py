"""`Procfile` as honcho, foreman or overmind read it: each line runs, and a mail comes through."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.chain.mails import hashes, mails
from tests.documents import ROOT
from tests.servers.daemons import Daemons
from tests.waiting import wait_until

#: As those programs read a line; what does not match is passed over by them without a word.
LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(.+)$")
FIRST_PORT = 5000


def commands(procfile: Path) -> dict[str, str]:
    """Name and command of each line, all of which must be readable."""
    lines = [line for line in procfile.read_text().splitlines() if line and line[0] != "#"]
    found = {match[1]: match[2] for line in lines if (match := LINE.match(line))}
    assert len(found) == len(lines)
    return found


@contextmanager
def started(folder: Path, *names: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """These lines at once, else all; each a group of its own, as a shell replaces itself by it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    given = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    processes = {}
    with ExitStack() as logs:
        for number, (name, command) in enumerate(commands(folder / "Procfile").items()):
            if names and name not in names:
                continue
            log = logs.enter_context((folder / f"{name}.log").open("wb"))
            processes[name] = subprocess.Popen(
                ["sh", "-c", f"exec {command}"],
                cwd=folder,
                env={**given, "PORT": str(FIRST_PORT + 100 * number)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield processes
        finally:
            for process in processes.values():
                end(process, signal.SIGKILL)


def end(process: subprocess.Popen[bytes], number: int) -> int:
    """Signal all of the line's group; its status."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    return process.wait(20)


def test_one_procfile_serves_who_has_no_mailbox_and_no_page(
    daemons: Callable[..., Daemons],
) -> None:
    chain = daemons({})
    shutil.copy(ROOT / "Procfile", chain.folder)

    idle = ("provider", "monitor")
    with started(chain.folder, *idle) as running:
        logs = [chain.folder / f"{name}.log" for name in idle]
        wait_until(lambda: all("there is no" in log.read_text() for log in logs), 60, "both")

        assert {end(process, signal.SIGTERM) for process in running.values()} == {0}


def test_each_line_of_the_procfile_runs_and_a_mail_comes_through(
    daemons: Callable[..., Daemons], tmp_path: Path
) -> None:
    for name in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    chain = daemons({"work": {"source": "maildir", "path": tmp_path / "Maildir"}})
    shutil.copy(ROOT / "Procfile", chain.folder)
    raws = mails(3)
    for number, raw in enumerate(raws):
        (tmp_path / "Maildir" / "new" / f"{number}.host").write_bytes(raw)

    with started(chain.folder) as running:
        wait_until(chain.api_answers, 60, "the API")
        wait_until(lambda: len(chain.hashes()) == 3, 60, "the mails")

        assert sorted(chain.hashes()) == hashes(raws)
        assert {name: process.poll() for name, process in running.items()} == dict.fromkeys(
            ("api", "master", "monitor", "provider", "runner")
        )
        # As Ctrl-C does there: all of them at once.
        assert [end(process, signal.SIGTERM) for process in running.values()] == [0] * 5
