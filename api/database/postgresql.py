"""A PostgreSQL server: several processes at once, one after another where it matters."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase
from psycopg import conninfo

from postroom.errors import SettingsError, TemporaryError

from . import failures, pgtools, values
from .base import Database, Told

log = logging.getLogger(__name__)

#: For the whole session. What is not said to write cannot; who waits for a lock gives up some day;
#: a process that stops in the middle of a transaction does not hold the others up for ever.
SETTINGS = {
    "default_transaction_read_only": "on",
    # Whatever the server is set to: what we have answered for outlives its crash.
    "synchronous_commit": "on",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "300s",
    "jit": "off",
}
CONNECT = {
    "connect_timeout": "5",
    "tcp_user_timeout": "15000",
    "keepalives_idle": "30",
    "application_name": "postroom",
}
#: Seconds that a thread waits for one of the connections.
POOL_SECONDS = 30
#: Advisory locks: the one for writing, shared by those who add; whose turn it is; what one does
#: alone, with the hash of its name.
WRITE, TURN, ALONE = 1, 2, 3


class Postgresql(Database, PooledPostgresqlDatabase):
    """A connection a thread as long as it has work, of a bounded pool."""

    kind = "postgresql"
    ordered_join = "JOIN"
    # Text sorts by its bytes, as in SQLite and in listings of objects; numbers are long.
    field_types = {  # noqa: RUF012 - peewee's way
        **peewee.PostgresqlDatabase.field_types,
        "AUTO": "BIGSERIAL",
        "FLOAT": "DOUBLE PRECISION",
        "INTEGER": "BIGINT",
        "TEXT": 'TEXT COLLATE "C"',
    }

    def __init__(
        self, url: str, folder: Path, *, password: str = "", connections: int = 20
    ) -> None:
        self.shown, given = _read(url)
        if password:
            given["password"] = password
        self.folder = folder
        self._server = pgtools.Server(given)
        options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        given["options"] = f"{options} {given.get('options', '')}".rstrip()
        super().__init__(
            given.pop("dbname", None) or given.get("user", "postroom"),
            max_connections=connections,
            timeout=POOL_SECONDS,
            prefer_psycopg3=True,
            **CONNECT | given,
            # Statements are few and short, and poolers between us and the server keep none.
            prepare_threshold=None,
        )

    def _connect(self) -> Any:
        conn = super()._connect()
        values.adapt(conn.adapters)
        return conn

    def connection(self) -> Any:
        """Open it when needed; TemporaryError when there is none to be had."""
        with self._translated():
            return super().connection()

    def cursor(self, named_cursor: Any = None) -> Any:
        """The same of a cursor, on another connection when this one died."""
        self._renew()
        with self._translated():
            return super().cursor(named_cursor)

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement; TemporaryError when the server is away."""
        with self._translated():
            return super().execute_sql(sql, params)

    def begin(self, mode: str = "") -> None:
        """Begin a transaction, READ WRITE or as the session is."""
        self.execute_sql(f"BEGIN {mode}".rstrip())

    @property
    def described(self) -> str:
        """Version and connections."""
        number = self.connection().info.server_version
        version = f"PostgreSQL {number // 10_000}.{number % 10_000}"
        return f"{version}, at most {self._max_connections} connections"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except MaxConnectionsExceeded as e:
            text = f"all {self._max_connections} connections to the database are in use"
            raise TemporaryError(text) from e
        except failures.ALL as e:
            if failures.is_lost(e) or self._is_broken():
                raise TemporaryError(f"{self.shown} does not answer just now") from e
            if reason := failures.passing(e):
                raise TemporaryError(f"the database cannot be written just now: {reason}") from e
            raise

    def _is_broken(self) -> bool:
        conn = self._state.conn
        return conn is not None and bool(conn.closed)

    def _renew(self) -> None:
        """Leave a connection that died; the pool looks at those that it gives out."""
        if self._is_broken() and not self.in_transaction():
            self.close()

    @contextmanager
    def _transaction(self, lock: str) -> Iterator[None]:
        self._renew()
        try:
            with self._translated(), self.atomic("READ WRITE"):
                self.execute_sql(f"SELECT {lock}(%s)", (WRITE,))
                yield
        finally:
            self._renew()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See Database."""
        with self._transaction("pg_advisory_xact_lock"):
            yield

    @contextmanager
    def adding(self) -> Iterator[None]:
        """See Database."""
        with self._transaction("pg_advisory_xact_lock_shared"):
            yield

    def take_turn(self) -> None:
        """See Database; whoever tells events has it until they are seen, so that none comes late.

        What waits here holds rows that it added, and nobody whose turn it is waits for those.
        """
        self.execute_sql("SELECT pg_advisory_xact_lock(%s)", (TURN,))

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """See Database; whose connection is lost is alone no longer."""
        self._renew()
        row = self.execute_sql("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (ALONE, name))
        (is_alone,) = row.fetchone()
        try:
            yield bool(is_alone)
        finally:
            if is_alone and not self._is_broken():
                self.execute_sql("SELECT pg_advisory_unlock(%s, hashtext(%s))", (ALONE, name))

    def release(self) -> None:
        """See Database."""
        if not self.in_transaction():
            self.close()

    def close_all(self) -> None:
        """See Database."""
        PooledPostgresqlDatabase.close_all(self)

    def back_up(self, name: str) -> None:
        """Nothing: a server's backup is its operator's."""
        log.warning(
            "%s: it is changed for a newer program; a backup of it (pg_dump) is yours to make",
            self.shown,
        )

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """See Database."""
        self._renew()
        with self._translated(), self.atomic("ISOLATION LEVEL REPEATABLE READ READ ONLY"):
            # While pg_dump works there is nothing to be heard of this session.
            self.execute_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield

    def copy_to(self, file: Path, told: Told) -> None:
        """See Database; pg_dump tells nothing on its way."""
        (snapshot,) = self.execute_sql("SELECT pg_export_snapshot()").fetchone()
        self._server.dump(file, snapshot)
        told(1, 1)

    def replace_by(self, file: Path, mend: Callable[[Database], None]) -> None:
        """See Database."""
        self.close_all()
        self._server.restore(file, [*self.get_tables()])
        mend(self)

    def typed(self, column: str) -> str:
        """With its first word as this database names it."""
        name, _, rest = column.partition(" ")
        return f"{self.field_types.get(name, name)} {rest}".rstrip()

    def size(self) -> int:
        """As the server counts it."""
        (size,) = self.execute_sql("SELECT pg_database_size(current_database())").fetchone()
        return int(size)

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See Database."""
        with self._translated(), self.cursor() as cursor:
            cursor.executemany(sql, rows)


def _read(url: str) -> tuple[str, dict[str, Any]]:
    """A URL as messages show it, and as the library takes it."""
    try:
        given = conninfo.conninfo_to_dict(url)
    except peewee.psycopg.ProgrammingError as e:
        # Its text may hold a part of the URL, and so of the password.
        raise SettingsError("this is no URL as postgresql://user@host/database") from e
    host = given.get("host") or "local socket"
    port = f":{given['port']}" if given.get("port") else ""
    user = f"{given['user']}@" if given.get("user") else ""
    return f"postgresql://{user}{host}{port}/{given.get('dbname', '')}", dict(given)
