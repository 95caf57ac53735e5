"""Fixtures that many tests share."""

import gc
import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from postroom import logs
from postroom.storage import Storage
from tests.measuring import Measuring
from tests.servers import dovecot as dovecot_server
from tests.servers import ports, shared
from tests.servers import postgres as postgres_server
from tests.servers import rabbit as rabbit_server
from tests.servers.postgres import Postgres
from tests.servers.rabbit import OwnRabbit, Rabbit
from tests.servers.swift import Swift
from tests.servers.swift_node import SwiftFront
from tests.servers.web import WebServer
from tests.stores import KINDS, Spot
from tests.stubs.rig import Rig

hypothesis.settings.register_profile("few", max_examples=30)
# `make fuzz`
hypothesis.settings.register_profile("many", max_examples=20_000, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let all tests that touch the database run on PostgreSQL, too."""
    parser.addoption("--postgresql", action="store_true", help="on both databases, all of them")


def pytest_configure(config: pytest.Config) -> None:
    """Measure coverage where it tells something new; let all workers share servers."""
    config.pluginmanager.register(Measuring())
    config.pluginmanager.register(shared.servers(config), shared.NAME)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: nobody has to look whether it is garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


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
def rig() -> Iterator[Rig]:
    """A stub master, and the mailboxes that a test runs against it."""
    rig = Rig()
    yield rig
    rig.close()


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server on this machine that has nothing yet."""
    server = WebServer()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def _swift(pytestconfig: pytest.Config) -> Iterator[Swift]:
    swift = Swift(*shared.place(pytestconfig, "swift"))
    swift.make_bucket(swift.bucket)
    yield swift
    swift.client.close()


@pytest.fixture
def swift(_swift: Swift, monkeypatch: pytest.MonkeyPatch) -> Swift:
    """A real S3 server that runs for all tests of all workers, with a bucket of the worker's.

    Its keys are in the environment. It answers a hundred requests a second, so pages are short.
    """
    monkeypatch.setattr("postroom.storage.s3_bucket.Bucket.at_once", 15)
    for name, value in _swift.environment().items():
        monkeypatch.setenv(name, value)
    return _swift


@pytest.fixture
def own_swift(swift: Swift) -> Iterator[SwiftFront]:
    """The same, for a test that stops it."""
    front = SwiftFront(swift.folder)
    try:
        yield front.start()
    finally:
        front.cleanup()


@pytest.fixture(scope="session")
def _rabbit(pytestconfig: pytest.Config) -> Rabbit:
    return Rabbit(*shared.place(pytestconfig, "rabbit"))


@pytest.fixture
def rabbit(request: pytest.FixtureRequest) -> Rabbit:
    """A real RabbitMQ that runs for all tests of all workers."""
    need(rabbit_server.BIN / "rabbitmq-server")
    server: Rabbit = request.getfixturevalue("_rabbit")
    return server


@pytest.fixture
def own_rabbit() -> Iterator[OwnRabbit]:
    """One for a test that kills it."""
    need(rabbit_server.BIN / "rabbitmq-server")
    server = OwnRabbit()
    try:
        yield server.start()
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def _postgres(pytestconfig: pytest.Config) -> Postgres:
    return Postgres(*shared.place(pytestconfig, "postgres"))


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> Postgres:
    """A real PostgreSQL that runs for all tests of all workers."""
    need(postgres_server.BIN / "initdb")
    server: Postgres = request.getfixturevalue("_postgres")
    return server


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of store."""
    return str(request.param)


@pytest.fixture
def spot(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Spot:
    """A place for stores of that kind."""
    return Spot(kind, tmp_path, request.getfixturevalue("swift") if kind == "s3" else None)


@pytest.fixture
def store(spot: Spot) -> Iterator[Storage]:
    """A new store of that kind."""
    store = spot.open()
    yield store
    store.close()


def need_dovecot() -> None:
    """Skip the test where there is none; on CI, fail."""
    need(dovecot_server.BINARY)


def need(binary: Path) -> None:
    """The same for any server."""
    if binary.exists():
        return
    reason = f"{binary} is missing: `make system-deps` installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
