"""Servers that all workers of pytest-xdist share: one start for all, when the first test needs it.

They belong to the process that the workers belong to, whose end is theirs, however a worker ends.
A worker asks it by a socket where they are, and takes virtual hosts, buckets and databases of
its own. Without workers there is nobody to ask.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, Protocol

import pytest

from tests.servers.postgres import OwnPostgres
from tests.servers.rabbit import OwnRabbit
from tests.servers.swift_node import OwnSwift

#: Of what those make their view of a server who use it.
Place = tuple[Any, ...]
#: Of the plugin, and of what a worker is told.
NAME = "servers"


class Server(Protocol):
    """One that others may use, who know its place."""

    @property
    def place(self) -> Place: ...
    def start(self) -> Any: ...
    def cleanup(self) -> None: ...


KINDS: dict[str, Callable[[], Server]] = {
    "rabbit": OwnRabbit,
    "swift": OwnSwift,
    "postgres": OwnPostgres,
}


class Owner:
    """The process that has the servers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor()
        self._started: dict[str, Future[Server]] = {}
        self._listener: Listener | None = None

    def place(self, kind: str) -> Place:
        """Where it is; started if it does not run yet."""
        return self._start(kind).result().place

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where to ask."""
        if self._listener is None:
            self._listener = Listener(family="AF_UNIX")
            threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()
        node.workerinput[NAME] = self._listener.address

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """The workers are gone."""
        if self._listener is not None:
            with Client(self._listener.address) as asking:
                asking.send(None)
        self._pool.shutdown()
        for started in self._started.values():
            if not started.exception():
                started.result().cleanup()

    def _start(self, kind: str) -> Future[Server]:
        with self._lock:
            if kind not in self._started:
                self._started[kind] = self._pool.submit(_start, kind)
            return self._started[kind]

    def _serve(self, listener: Listener) -> None:
        with listener:
            while True:
                asking = listener.accept()
                try:
                    kind = asking.recv()
                except EOFError:
                    # The worker died meanwhile.
                    continue
                if kind is None:
                    return
                self._start(kind).add_done_callback(partial(_answer, asking))


class Worker:
    """Asks the owner."""

    def __init__(self, address: str) -> None:
        self._address = address

    def place(self, kind: str) -> Place:
        """The same."""
        with Client(self._address) as asking:
            asking.send(kind)
            answer: Place | BaseException = asking.recv()
        if isinstance(answer, BaseException):
            raise answer
        return answer


def servers(config: pytest.Config) -> Owner | Worker:
    """For this process; a plugin."""
    told = getattr(config, "workerinput", None)
    return Owner() if told is None else Worker(told[NAME])


def place(config: pytest.Config, kind: str) -> Place:
    """Where the server of that kind is; started if it does not run yet."""
    plugin = config.pluginmanager.get_plugin(NAME)
    assert isinstance(plugin, Owner | Worker)
    return plugin.place(kind)


def _start(kind: str) -> Server:
    server = KINDS[kind]()
    try:
        server.start()
    except BaseException:
        server.cleanup()
        raise
    return server


def _answer(asking: "Connection[Any, Any]", started: Future[Server]) -> None:
    # A worker may have died meanwhile.
    with closing(asking), suppress(BrokenPipeError):
        asking.send(started.exception() or started.result().place)
