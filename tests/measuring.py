"""Of what the tests run, how much has its coverage measured: each line once, not over and over.

Python 3.11 calls its tracer for every line of every library, which costs a test two thirds as
much again, and a daemon as much again. So one worker measures what is imported; of the cases of
a test that has an API around it the first is measured, on each database; and of all tests one in
four measures its daemons.
"""

import os
import zlib

import pytest
from coverage import Coverage

from tests.servers.forked import MEASURED

DAEMONS_ONE_IN = 4
#: Where the cases of a test go much the same way through our code.
ALIKE = ("tests/api/", "tests/web/")


class Measuring:
    """Stops and starts what pytest-cov has begun; without that, there is nothing to do."""

    def __init__(self) -> None:
        self._coverage: Coverage | None = None
        self._on = True
        self._processes: str | None = None
        self._first: set[str] = set()

    def pytest_configure(self) -> None:
        """What coverage and pytest-cov begin in a worker before its own session would never end."""
        while "PYTEST_XDIST_WORKER" in os.environ and (begun := Coverage.current()):
            begun.stop()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        self._coverage = Coverage.current()
        self._processes = os.environ.get(MEASURED)
        self._switch(os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        seen: dict[str, str] = {}
        for item in items:
            seen.setdefault(_function(item), item.nodeid)
        self._first = set(seen.values())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._switch(item.nodeid in self._first or not item.nodeid.startswith(ALIKE))
        if self._processes and zlib.crc32(item.nodeid.encode()) % DAEMONS_ONE_IN == 0:
            os.environ[MEASURED] = self._processes
        else:
            os.environ.pop(MEASURED, None)

    def _switch(self, on: bool) -> None:
        if self._coverage is None or on == self._on:
            return
        if on:
            self._coverage.start()
        else:
            self._coverage.stop()
        self._on = on


def _function(item: pytest.Item) -> str:
    """What the cases of a test have in common: its name, and the database."""
    name, _, case = item.nodeid.partition("[")
    return f"{name} {'postgresql' in case}"
