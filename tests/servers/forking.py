"""`python -m tests.servers.forking FD`: imports what daemons import, then forks one at each order.

Orders come by the socket FD, each with three files: its standard output, its standard error, and
where to write its status once it has ended.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from typing import Any

MODULES = (
    "api.__main__",
    "master.__main__",
    "provider.__main__",
    "monitor.__main__",
    "runner.__main__",
    "postroom.__main__",
)
MOST_BYTES = 1 << 20


def serve(orders: socket.socket) -> dict[str, Any] | None:
    """Return an order in the process that is forked for it; in our own, at the end of orders."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([orders.fileno(), reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
            reap(waiting)
            continue
        packed, files, _, _ = socket.recv_fds(orders, MOST_BYTES, 3)
        if not packed:
            return None
        pid = os.fork()
        if not pid:
            for file in (orders.detach(), reading, writing, *waiting.values(), files[2]):
                os.close(file)
            return {**json.loads(packed), "files": files[:2]}
        waiting[pid] = files[2]
        for file in files[:2]:
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


def become(order: dict[str, Any]) -> None:
    """Be as if this process had been started so."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order["is_alone"]:
        os.setsid()
    for number, file in enumerate(order["files"], 1):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.path[0] = order["folder"]
    sys.argv[1:] = order["arguments"]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for name in MODULES:
        importlib.import_module(name)
        # It is to be run, as if nobody had imported it.
        del sys.modules[name]
    gc.collect()
    gc.freeze()
    if order := serve(socket.socket(fileno=int(sys.argv[1]))):
        become(order)
