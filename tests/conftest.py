"""Fixtures that many tests share."""

import logging
import os
from collections.abc import Iterator

import pytest

from postroom import logs
from tests.servers import dovecot as dovecot_server
from tests.servers import ports
from tests.servers.web import WebServer


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What runs a command in process sets up its logging; the next test begins with pytest's."""
    root = logging.getLogger()
    named = [root, *map(logging.getLogger, logs.OURS)]
    before, levels = root.handlers[:], [logger.level for logger in named]
    yield
    root.handlers[:] = before
    logging.captureWarnings(False)
    for logger, level in zip(named, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 that nobody has; for more, call tests.servers.ports.free_port."""
    return ports.free_port()


@pytest.fixture
def dovecot() -> Iterator[dovecot_server.Dovecot]:
    """A started Dovecot with the empty mailboxes of `work` and `home`."""
    need_dovecot()
    server = dovecot_server.Dovecot({"work": "work-secret", "home": "home-secret"})
    try:
        yield server.start()
    finally:
        server.cleanup()


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server on this machine that has nothing yet."""
    server = WebServer()
    try:
        yield server
    finally:
        server.close()


def need_dovecot() -> None:
    """Skip the test where there is none; on CI, fail."""
    if dovecot_server.BINARY.exists():
        return
    reason = f"{dovecot_server.BINARY} is missing: `make system-deps` installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
