"""What only the SQLite storage has: pragmas, chunks, damage."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from postroom.errors import PostroomError, SettingsError, TemporaryError
from postroom.storage import (
    ABANDONED_SECONDS,
    ObjectDamagedError,
    StorageBrokenError,
)
from postroom.storage.sqlite import SqliteStorage
from postroom.storage.sqlite_file import demand, translated

MEGABYTE = 1024 * 1024


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mails.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStorage]:
    store = SqliteStorage(path)
    yield store
    store.close()


def rows(path: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return db.execute(query, values).fetchall()


def test_the_file_is_private_and_in_wal_mode(path, store):
    store.put_many([("a", b"x")])
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_each_connection_has_full_synchronous_and_readers_cannot_write(store):
    with store._file.write() as writer, store._file.read() as reader:
        for db in (writer, reader):
            assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        with pytest.raises(StorageBrokenError, match="readonly"), translated(store._file.path):
            reader.execute("DELETE FROM objects")


def test_a_pragma_that_sqlite_ignores_is_an_error():
    # A database in memory cannot have a WAL.
    with (
        closing(sqlite3.connect(":memory:")) as db,
        pytest.raises(PostroomError, match="keeps journal_mode = memory where wal was set"),
    ):
        demand(db, "journal_mode", "wal")


def test_what_compresses_is_compressed_and_what_does_not_is_raw(path, store):
    store.put_many([("text", b"Received: from a by b\r\n" * 500), ("noise", os.urandom(9000))])
    stored = rows(path, "SELECT key, codec, length(body) < size FROM objects ORDER BY key")
    assert stored == [("noise", "raw", 0), ("text", "zstd", 1)]


def test_a_large_object_is_rows_of_a_megabyte_and_a_manifest(path, store):
    store.put_many([("a", os.urandom(2 * MEGABYTE + 1))])
    lengths = rows(path, "SELECT number, length(body) FROM chunks ORDER BY number")
    assert lengths == [(0, MEGABYTE), (1, MEGABYTE), (2, 1)]
    assert rows(path, "SELECT size, body FROM objects") == [(2 * MEGABYTE + 1, None)]
    assert rows(path, "SELECT * FROM uploads") == []


def test_deleting_leaves_no_chunks(path, store):
    store.put_many([("a", os.urandom(2 * MEGABYTE))])
    store.delete(["a"])
    assert rows(path, "SELECT * FROM chunks") == []


def test_an_upload_in_hand_is_kept_and_an_abandoned_one_removed_at_open(path, store):
    with store.open_write("a") as writer:
        writer.write(os.urandom(6 * MEGABYTE))
        SqliteStorage(path).close()
        assert rows(path, "SELECT count(*) FROM chunks") == [(4,)]

        rows(path, "UPDATE uploads SET started = started - ?", ABANDONED_SECONDS + 1)
        SqliteStorage(path).close()

        assert rows(path, "SELECT count(*) FROM chunks") == [(0,)]
        with pytest.raises(TemporaryError, match="more than a day"):
            writer.commit()
    assert list(store.list()) == []


def test_an_upload_that_is_given_up_leaves_no_chunks(path, store):
    with store.open_write("a") as writer:
        writer.write(os.urandom(6 * MEGABYTE))
    assert rows(path, "SELECT count(*) FROM chunks") == [(0,)]
    assert rows(path, "SELECT count(*) FROM uploads") == [(0,)]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE objects SET body = substr(body, 1, length(body) - 1)",
        "UPDATE objects SET body = zeroblob(length(body))",
        "UPDATE objects SET size = size + 1",
        "UPDATE objects SET codec = 'raw'",
        "UPDATE chunks SET body = substr(body, 2) WHERE number = 1",
        "UPDATE chunks SET codec = 'zstd'",
        "DELETE FROM chunks WHERE number = 1",
    ],
)
def test_damage_is_noticed_and_mended_by_deleting_and_putting_again(path, store, damage):
    bodies = {"small": b"Received: from a by b\r\n" * 50, "large": os.urandom(2 * MEGABYTE)}
    damaged = "large" if "chunks" in damage else "small"
    store.put_many(bodies.items())
    rows(path, f"{damage} {'' if 'chunks' in damage else 'WHERE upload IS NULL'}")

    with pytest.raises(ObjectDamagedError):
        store.get(damaged)
    assert not store.verify(damaged)

    store.delete([damaged])
    store.put_many(bodies.items())
    assert store.get(damaged) == bodies[damaged]


def test_a_single_flipped_bit_is_noticed(path, store):
    store.put_many([("a", b"Received: from a by b\r\n" * 50)])
    ((body,),) = rows(path, "SELECT body FROM objects")
    assert isinstance(body, bytes)
    for position in range(len(body)):
        flipped = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
        rows(path, "UPDATE objects SET body = ?", flipped)
        assert _reads_as(store, "a") in {None, b"Received: from a by b\r\n" * 50}


def _reads_as(store: SqliteStorage, key: str) -> bytes | None:
    try:
        return store.get(key)
    except ObjectDamagedError:
        return None


def test_a_malformed_file_is_broken_for_good(path, store):
    store.put_many((f"{n}", os.urandom(5000)) for n in range(200))
    store.close()
    with path.open("r+b") as file:
        for page in range(10, 100):
            file.seek(page * 8192)
            file.write(b"\xff" * 512)

    damaged = SqliteStorage(path)
    with pytest.raises(StorageBrokenError, match="malformed"):
        list(damaged.list())
    damaged.close()


def test_an_io_error_is_broken_for_good(path):
    script = """
import os, resource, sys
from pathlib import Path
from postroom.storage import StorageBrokenError
from postroom.storage.sqlite import SqliteStorage
store = SqliteStorage(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    store.put_many([("a", os.urandom(900_000))])
except StorageBrokenError as e:
    print(e)
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert "disk I/O error" in run.stdout


@pytest.mark.parametrize("replaced", [True, False])
def test_a_file_that_is_taken_away_while_in_use_is_broken_for_good(path, store, replaced):
    store.put_many([("a", b"x")])
    path.rename(path.with_name("moved"))
    if replaced:
        path.write_bytes(b"")

    for use in (store.batch, lambda: store.put_many([("b", b"x")])):
        with pytest.raises(StorageBrokenError, match="removed or replaced"):
            use()


def test_a_file_of_something_else_is_refused(path):
    rows(path, "CREATE TABLE mails (id INTEGER)")
    with pytest.raises(SettingsError, match="something else"):
        SqliteStorage(path)
    assert rows(path, "SELECT name FROM sqlite_master") == [("mails",)]


def test_what_is_no_sqlite_file_is_refused(path):
    path.write_text("Dear diary, " * 1000)
    with pytest.raises(StorageBrokenError, match="not a database"):
        SqliteStorage(path)


def test_a_file_of_a_newer_version_is_refused(path, store):
    store.close()
    rows(path, "PRAGMA user_version = 99")
    with pytest.raises(SettingsError, match="newer"):
        SqliteStorage(path)


def test_a_writer_from_outside_makes_it_temporary(path, store):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with store._file.read() as db:
            db.execute("SELECT 1")
        store._file._writer.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(TemporaryError, match="locked"):
            store.put_many([("a", b"x")])
        other.execute("ROLLBACK")
    store.put_many([("a", b"x")])


def test_mistakes_of_ours_are_not_disguised(store):
    with pytest.raises(sqlite3.OperationalError, match="syntax"), store._file.read() as db:
        db.execute("SELEKT")


def test_a_stream_in_use_ends_well_after_closing(path):
    store = SqliteStorage(path)
    with store._file.read() as db:
        store.close()
        assert db.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(sqlite3.ProgrammingError):
        db.execute("SELECT 1")


def test_the_url_names_file_and_key(path, store):
    assert store.url("pages/p/a b#c") == f"sqlite://{path}#pages/p/a%20b%23c"
