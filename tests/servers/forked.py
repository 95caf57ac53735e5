"""Daemons that begin with all imports made: forked from a process that has done nothing else.

To import its modules is most of what a daemon costs at its start. What is forked is a process of
its own with the arguments, the environment and the folder that it would have been started with.
"""

import atexit
import functools
import inspect
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from postroom.house import DAEMONS
from tests.documents import ROOT

#: With this in its environment a process measures its coverage, but for what was imported before.
MEASURED = "COVERAGE_PROCESS_CONFIG"
#: Modules of the tests that a process imports before its own, and whatever it starts does, too.
FIRST = "POSTROOM_TEST_FIRST"
#: Sees to that in processes that begin from nothing.
_IMPORTING = Path(__file__).parent / "importing"
OURS = ("postroom", *DAEMONS, "tests")


def start(
    module: str,
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    out: IO[bytes] | int | None,
    err: IO[bytes] | int | None,
    given: int | None = None,
    *,
    is_alone: bool = False,
    is_forked: bool = True,
) -> subprocess.Popen[bytes]:
    """Do as `python -m MODULE` does in that folder, with more variables than the tests have.

    Its standard input is `given`. Who `is_alone` has none, and no terminal: nobody is there to be
    asked. Who is looked at by the kernel's eyes begins from nothing.
    """
    base = {**os.environ, **environment}
    kind = Forked if is_forked else subprocess.Popen
    return kind(
        [sys.executable, "-m", module, *arguments],
        cwd=folder, env=found(base), stdin=subprocess.DEVNULL if is_alone else given,
        stdout=out, stderr=err, start_new_session=is_alone,
    )  # fmt: skip


def found(environment: Mapping[str, str]) -> dict[str, str]:
    """The same environment; a Python in it finds our packages, from any folder."""
    first = [str(_IMPORTING)] if FIRST in environment else []
    return {**environment, "PYTHONPATH": os.pathsep.join([*first, str(ROOT)])}


def importing(*modules: str) -> dict[str, str]:
    """A variable that lets a process, and what it starts, import these modules of the tests."""
    return {FIRST: " ".join(f"tests.servers.{module}" for module in modules)}


def run(
    module: str,
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    seconds: float = 120,
) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end; what it said, and its status."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start(module, arguments, folder, environment or {}, out, err, is_alone=True)
        try:
            status = process.wait(seconds)
        except BaseException:
            process.kill()
            raise
        said = [file.read() for file in (out, err) if not file.seek(0)]
        return subprocess.CompletedProcess(process.args, status, *said)


class Forked(subprocess.Popen[Any]):
    """One of our modules as if we had started it, by who forks for us; all else is started.

    Who forked it tells us its status.
    """

    _status: IO[bytes] | None = None

    def _execute_child(self, *given: Any) -> None:
        """Take the place of fork and exec, where all pipes are made."""
        real = super()._execute_child  # type: ignore[misc]
        told = inspect.signature(real).bind(*given).arguments
        line = list(told["args"])
        if not is_ours(line):
            real(*given)
            return
        environment = os.environ if told["env"] is None else told["env"]
        order = {
            "module": line[2],
            "arguments": line[3:],
            "folder": str(Path(told["cwd"] or ".").absolute()),
            "environment": dict(environment),
            "is_alone": told["start_new_session"],
            "kept": list(told["pass_fds"]),
        }
        streams = [told[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        files = [number if file == -1 else file for number, file in enumerate(streams)]
        reading, writing = os.pipe()
        self._status = open(reading, "rb", buffering=0)  # noqa: SIM115 - closed at its end
        try:
            self.pid = forker().fork(order, [writing, *files, *order["kept"]])
        finally:
            os.close(writing)
            pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
            self._close_pipe_fds(*(told[name] for name in pipes))  # type: ignore[attr-defined]

    def poll(self) -> int | None:
        """Its status, if it has ended."""
        return self._ended(0) if self._status else super().poll()

    def wait(self, timeout: float | None = None) -> int:
        """Its status, once it has ended."""
        if not self._status:
            return super().wait(timeout)
        status = self._ended(timeout)
        if status is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return status

    def send_signal(self, sig: int) -> None:
        """Signal it unless it has ended."""
        if not self._status:
            super().send_signal(sig)
        elif self.poll() is None:
            os.kill(self.pid, sig)

    def _ended(self, seconds: float | None) -> int | None:
        assert self._status
        if self.returncode is None:
            waiting = select.poll()
            waiting.register(self._status, select.POLLIN)
            if waiting.poll(None if seconds is None else seconds * 1000):
                self._hear()
        return self.returncode

    def _hear(self) -> None:
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None and self._status:
                told = self._status.read(16)
                assert told, f"who forked {self.args!r} is gone"
                self._status.close()
                self.returncode = int(told)


def is_ours(line: Sequence[Any]) -> bool:
    """Whether this command line is one that `start` makes."""
    if len(line) < 3 or tuple(line[:2]) != (sys.executable, "-m"):
        return False
    return str(line[2]).partition(".")[0] in OURS


class Forker:
    """Somebody who has imported everything, at the other end of this socket."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._lock = threading.Lock()

    def fork(self, order: Mapping[str, Any], files: Sequence[int]) -> int:
        """Have a process forked for it; its id."""
        with self._lock:
            socket.send_fds(self._orders, [json.dumps(order).encode()], list(files))
            return int(self._orders.recv(64))


@functools.cache
def forker() -> Forker:
    """Who forks for this process; it ends when there is nobody to give orders."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        number = its.fileno()
        unmeasured = {key: value for key, value in os.environ.items() if key != MEASURED}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.forking", str(number)],
            cwd=ROOT, env=unmeasured, pass_fds=[number],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return Forker(ours)
