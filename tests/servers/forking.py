"""`python -m tests.servers.forking FD`: imports what daemons import, then forks one at each order.

Orders come by the socket FD, each with files: where to write the status of what is forked once it
has ended, its standard input, output and error, and those that it is to keep. A daemon that starts
others has a process beside it that forks these, so that they are its own.
"""

import atexit
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import coverage

from tests.servers import forked
from tests.servers.processes import FORKING

#: What is run; it is imported for what it imports.
PROGRAMS = (
    "api.__main__",
    "master.__main__",
    "master.worker",
    "provider.__main__",
    "monitor.__main__",
    "runner.__main__",
    "postroom.__main__",
    "postroom.doctor",
    "postroom.status",
)
#: Those that start others of them.
PARENTS = ("master", "monitor", "postroom")
MOST_BYTES, MOST_FILES = 1 << 20, 16
#: For who forks, not for who is forked.
OWN_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)

Order = dict[str, Any]


def serve(orders: socket.socket) -> Order | None:
    """Return an order in the process that is forked for it; in our own, at the end of orders."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    waiting: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([orders.fileno(), reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
            reap(waiting)
            continue
        packed, files, _, _ = socket.recv_fds(orders, MOST_BYTES, MOST_FILES)
        if not packed:
            return None
        pid = os.fork()
        if not pid:
            for file in (orders.detach(), reading, writing, *waiting.values(), files[0]):
                os.close(file)
            return {**json.loads(packed), "files": files[1:]}
        waiting[pid] = files[0]
        for file in files[1:]:
            os.close(file)
        orders.send(b"%d" % pid)


def reap(waiting: dict[int, int]) -> None:
    """Tell the statuses of those that have ended."""
    while waiting:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        told = waiting.pop(pid)
        os.write(told, b"%d" % os.waitstatus_to_exitcode(status))
        os.close(told)


def become(order: Order) -> None:
    """Be as if this process had been started so."""
    signal.set_wakeup_fd(-1)
    for number in OWN_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    be_called("python")
    if order["is_alone"]:
        os.setsid()
    place(order["files"], [0, 1, 2, *order["kept"]])
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.path[:1] = [order["folder"], *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    sys.argv[1:] = order["arguments"]
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(line_buffering=stream.isatty() or stream is sys.stderr)


def be_called(name: str) -> None:
    """Have a name that the kernel tells others."""
    Path("/proc/self/comm").write_text(name)


def place(files: list[int], numbers: list[int]) -> None:
    """Let each file have its number."""
    above = max([*files, *numbers]) + 1
    for at, file in enumerate(files):
        os.dup2(file, above + at)
        os.close(file)
    for at, number in enumerate(numbers):
        os.dup2(above + at, number)
        os.close(above + at)


def branch() -> socket.socket | None:
    """Have a process of our own that forks for us; in that one, where its orders come from."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork():
        its.close()
        forker = forked.Forker(ours)
        forked.forker = lambda: forker  # type: ignore[assignment]
        subprocess.Popen = forked.Forked  # type: ignore[misc]
        os.execv = execute  # type: ignore[assignment]
        return None
    ours.close()
    be_called(FORKING)
    orders = its.fileno()
    os.closerange(3, orders)
    os.closerange(orders + 1, 1 << 16)
    with open(os.devnull, "r+b") as nothing:
        for number in range(3):
            os.dup2(nothing.fileno(), number)
    return its


def execute(path: str, line: list[str]) -> NoReturn:
    """What os.execv does with a command line of ours."""
    assert forked.is_ours(line), line
    sys.argv[1:] = line[3:]
    run(line[2])


def run(module: str) -> NoReturn:
    """Be that program to its end, without the tidying up of a memory that goes anyway."""
    status: Any = 0
    coverage.process_startup()
    try:
        for name in os.environ.get(forked.FIRST, "").split():
            importlib.import_module(name)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as e:
        status = e.code or 0
        if not isinstance(status, int):
            raise
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def main() -> None:
    """Import everything, then take orders."""
    for name in PROGRAMS:
        importlib.import_module(name)
        # It is to be run, as if nobody had imported it.
        del sys.modules[name]
    gc.collect()
    gc.freeze()
    orders = socket.socket(fileno=int(sys.argv[1]))
    while order := serve(orders):
        become(order)
        beside = branch() if order["module"].partition(".")[0] in PARENTS else None
        if not beside:
            run(order["module"])
        orders = beside
    # There is nothing to tidy up, which would take a while.
    os._exit(0)


if __name__ == "__main__":
    main()
