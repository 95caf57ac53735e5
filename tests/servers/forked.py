"""Daemons that begin with all imports made: forked from a process that has done nothing else.

To import its modules is most of what a daemon costs at its start. What is forked is a process of
its own with the arguments, the environment and the folder that it would have been started with.
"""

import atexit
import functools
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

from tests.documents import ROOT

#: With this in its environment a process measures its coverage from its first line on.
MEASURED = "COVERAGE_PROCESS_CONFIG"


def start(
    module: str,
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    out: IO[bytes],
    err: IO[bytes],
    *,
    is_alone: bool = False,
) -> subprocess.Popen[bytes]:
    """Do as `python -m MODULE` does in that folder, with more variables than the tests have.

    Who has modules of the tests to import first, or is measured, begins from nothing.
    Who `is_alone` has no terminal: nobody is there to be asked.
    """
    base = {**os.environ, **environment}
    path = os.pathsep.join([*environment.get("PYTHONPATH", "").split(), str(ROOT)])
    given = {**base, "PYTHONPATH": path}
    if "PYTHONPATH" in environment or MEASURED in base:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder, env=given, stdin=subprocess.DEVNULL if is_alone else None,
            stdout=out, stderr=err, start_new_session=is_alone,
        )  # fmt: skip
    order = {
        "module": module,
        "arguments": arguments,
        "folder": str(folder),
        "environment": given,
        "is_alone": is_alone,
    }
    return Forked(order, out.fileno(), err.fileno())


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


class Forked(subprocess.Popen[bytes]):
    """As if we had started it; who forked it tells us its status."""

    def __init__(self, order: Mapping[str, Any], out: int, err: int) -> None:
        self.args = [order["module"], *order["arguments"]]
        self.stdin = self.stdout = self.stderr = None
        self.returncode = None
        reading, writing = os.pipe()
        self._status = open(reading, "rb", buffering=0)  # noqa: SIM115 - closed at its end
        try:
            self.pid = _forker().fork(order, (out, err, writing))
        finally:
            os.close(writing)

    def poll(self) -> int | None:
        """Its status, if it has ended."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its status, once it has ended."""
        status = self._ended(timeout)
        if status is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return status

    def send_signal(self, sig: int) -> None:
        """Signal it unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            waiting = select.poll()
            waiting.register(self._status, select.POLLIN)
            if waiting.poll(None if seconds is None else seconds * 1000):
                told = self._status.read(16)
                assert told, f"who forked {self.args!r} is gone"
                self._status.close()
                self.returncode = int(told)
        return self.returncode


class _Forker:
    """The process that has imported everything."""

    def __init__(self) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            number = its.fileno()
            unmeasured = {key: value for key, value in os.environ.items() if key != MEASURED}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.servers.forking", str(number)],
                cwd=ROOT, env=unmeasured, pass_fds=[number],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        self._socket = ours
        self._lock = threading.Lock()

    def fork(self, order: Mapping[str, Any], files: Sequence[int]) -> int:
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(order).encode()], list(files))
            return int(self._socket.recv(64))

    def close(self) -> None:
        """It ends when there is nobody to give orders; what it forked goes on."""
        self._socket.close()
        self._process.wait()


@functools.cache
def _forker() -> _Forker:
    made = _Forker()
    atexit.register(made.close)
    return made
