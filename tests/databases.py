"""Which tests run on PostgreSQL, and the databases that they run on."""

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest

from api.database import Database, open_database
from api.models import database
from api.schema.migrations import migrate
from tests.servers.ports import WORKER
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
TEMPLATE = f"made_{WORKER}"
END_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
#: Tables and indexes with their columns; what was made again has another number.
SHAPE = (
    "SELECT md5(string_agg(concat_ws(' ', attrelid, attname, atttypid), ',' "
    "ORDER BY attrelid, attnum)) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
    "WHERE relnamespace = 'public'::regnamespace"
)
FILLED = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' "
    "AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0"
)
#: Not of the facts, of which some stay.
RESTART = (
    "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' "
    "AND relnamespace = 'public'::regnamespace AND relname <> 'facts_id_seq'"
)


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
    """The same on a server; one that another test had and was emptied is faster still."""
    if server.port not in _spares:
        _spares[server.port] = _Spares(server)
    spares = _spares[server.port]
    url = spares.take()
    with _closed(open_database(url, folder=folder)) as db:
        yield db
    spares.give(url)


class _Spares:
    """The databases of a server that nobody has just now."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._urls: list[str] = []
        server.do(f"CREATE DATABASE {TEMPLATE}")
        with _closed(open_database(server.url(TEMPLATE))) as db:
            _make_tables(db)
        with psycopg.connect(server.url(TEMPLATE)) as connection:
            self._shape = connection.execute(SHAPE).fetchone()
            self._facts = connection.execute("SELECT * FROM facts").fetchall()

    def take(self) -> str:
        return self._urls.pop() if self._urls else self._server.make(TEMPLATE)

    def give(self, url: str) -> None:
        if self._empty(url):
            self._urls.append(url)
        else:
            self._server.drop(url)

    def _empty(self, url: str) -> bool:
        """Bring it back to how it was made; False when the test changed the tables themselves."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(END_OTHERS)
            if connection.execute(SHAPE).fetchone() != self._shape:
                return False
            connection.execute("SET session_replication_role = replica")
            filled = [name for (name,) in connection.execute(FILLED)]
            connection.execute(";".join(f"DELETE FROM {name}" for name in filled))  # noqa: S608
            # What comes next stands in its order in the table, as in a new one.
            connection.execute(f"VACUUM {', '.join(filled)}")
            connection.execute(RESTART)
            values = ", ".join(["%s"] * len(self._facts[0]))
            insert = f"INSERT INTO facts VALUES ({values})"  # noqa: S608
            connection.cursor().executemany(insert, self._facts)
        return True


_spares: dict[int, _Spares] = {}


def _make_tables(db: Database) -> None:
    database.initialize(db)
    migrate(db)


@contextmanager
def _closed(db: Database) -> Iterator[Database]:
    try:
        yield db
    finally:
        db.close_all()
