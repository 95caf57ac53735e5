"""Which tests run on PostgreSQL, and the databases that they run on."""

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from api.database import Database, open_database
from api.migrations import migrate
from api.models import database
from tests.servers.postgres import Postgres

#: Of these all, of the others one in so many: `make test-long` has the rest.
WHOLE = (
    "test_backup",
    "test_restore",
    "test_search",
    "test_ingest",
    "test_slots",
    "test_digests",
    "test_postgresql",
)
ONE_IN = 8
TEMPLATE = "made"


def shall_run(name: str, config: pytest.Config) -> bool:
    """Whether a test is one of those that always run on PostgreSQL, too."""
    if config.getoption("--postgresql") or any(f"{each}." in name for each in WHOLE):
        return True
    return zlib.crc32(name.encode()) % ONE_IN == 0


def new_sqlite(folder: Path) -> Database:
    """A file with empty tables, as the first start makes it; copied, which is faster."""
    file = folder / "postroom.sqlite"
    file.write_bytes(_made())
    return open_database(file)


@cache
def _made() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "postroom.sqlite"
        with _closed(open_database(file)) as db:
            _make_tables(db)
        return file.read_bytes()


@contextmanager
def open_new(server: Postgres, folder: Path) -> Iterator[Database]:
    """The same on a server."""
    if not server.last:
        server.do(f"CREATE DATABASE {TEMPLATE}")
        with _closed(open_database(server.url(TEMPLATE))) as db:
            _make_tables(db)
    url = server.make(TEMPLATE)
    with _closed(open_database(url, folder=folder)) as db:
        yield db
    server.drop(url)


def _make_tables(db: Database) -> None:
    database.initialize(db)
    migrate(db)


@contextmanager
def _closed(db: Database) -> Iterator[Database]:
    try:
        yield db
    finally:
        db.close_all()
