"""The SQLite file: durable, one writer at a time, readers that cannot write."""

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import peewee

from postroom.errors import PostroomError, SettingsError, TemporaryError
from postroom.storage.durable import fsync_folder, translated
from postroom.storage.lock import FileLock

from .base import Database, Told, end_process

log = logging.getLogger(__name__)

#: Read back after it was set: SQLite ignores what it does not know.
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
BUSY_SECONDS = 30.0
#: Of one step of a copy, 64 MB.
STEP_PAGES = 4096


class Sqlite(Database, peewee.SqliteDatabase):
    """A connection a thread, for reading only, and one for all writing, lent by `writing()`.

    What the one writer has in its cache is never out of date, and its statements stay prepared:
    a switch of `query_only` would have SQLite compile all of them again.
    Local disks only: the write lock and WAL do not work over a network.
    """

    kind = "sqlite"
    ordered_join = "CROSS JOIN"

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Mail is nobody else's business; SQLite gives its other files the same mode.
        path.touch(mode=0o600)
        super().__init__(
            str(path), timeout=BUSY_SECONDS, returning_clause=True, check_same_thread=False
        )
        self.path = path
        self.shown, self.folder = str(path), path.parent
        self._writer: sqlite3.Connection | None = None
        # A lock of our own is fair, where SQLite's busy handler lets writers starve; and no two
        # connections ever checkpoint at once (the WAL-reset bug of SQLite before 3.51.3).
        self._write_lock = FileLock(path.with_name(path.name + ".lock"), timeout=BUSY_SECONDS)

    def _initialize_connection(self, conn: sqlite3.Connection) -> None:
        super()._initialize_connection(conn)
        # Takes effect in a new file only. Mails are large rows: big pages cost a third less.
        conn.execute("PRAGMA page_size = 16384")
        for name, wanted in PRAGMAS.items():
            conn.execute(f"PRAGMA {name} = {wanted}")
            (found,) = conn.execute(f"PRAGMA {name}").fetchone()
            if found != wanted:
                raise PostroomError(f"{self.path}: SQLite keeps {name} = {found}, not {wanted}")
        # Commits checkpoint under the write lock; larger steps cost fewer fsyncs.
        conn.execute("PRAGMA wal_autocheckpoint = 2000")
        conn.execute("PRAGMA cache_size = -16000")
        conn.execute("PRAGMA query_only = 1")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See Database."""
        with self._write_lock, _translated(self.path):
            reader = self.connection()
            if self._writer is None:
                writer = self._connect()
                self._initialize_connection(writer)
                writer.execute("PRAGMA query_only = 0")
                # Only now: one that failed half-way would refuse all writing from then on.
                self._writer = writer
            self._state.set_connection(self._writer)
            try:
                with self.atomic("IMMEDIATE"):
                    yield
            finally:
                self._state.set_connection(reader)

    @property
    def described(self) -> str:
        """The library's version."""
        return f"SQLite {sqlite3.sqlite_version}"

    # One at a time writes here anyway.
    adding = writing

    def take_turn(self) -> None:
        """See Database."""

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """One process serves a file: it is always alone."""
        yield True

    def release(self) -> None:
        """A connection costs nothing: it stays."""

    def close_all(self) -> None:
        """Those of this thread and of writing."""
        self.close()

    def typed(self, column: str) -> str:
        """As it is."""
        return column

    def size(self) -> int:
        """Of the file and what is not yet in it."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See Database."""
        self.connection().executemany(sql, rows)

    def back_up(self, name: str) -> Path:
        """Copy all of it, as it is now, into a file beside it; durable on return."""
        target = self.path.with_name(f"{self.path.name}.{name}")
        beside = target.with_name(f"{target.name}.new")
        beside.unlink(missing_ok=True)
        self.copy_to(beside, lambda *_: None)
        beside.replace(target)
        fsync_folder(target.parent)
        log.info("the database before its change is in %s", target)
        return target

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """See Database."""
        with self.atomic():
            # A transaction sees the moment of its first look.
            self.execute_sql("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            yield

    def copy_to(self, file: Path, told: Told) -> None:
        """See Database."""
        file.touch(mode=0o600)
        with _translated(self.path), closing(sqlite3.connect(file)) as copy:
            self.connection().backup(
                copy, pages=STEP_PAGES, progress=lambda _, left, all_: told(all_ - left, all_)
            )
        _fsync(file)

    def replace_by(self, file: Path, mend: Callable[[Database], None]) -> None:
        """See Database; what was there before stays beside it."""
        beside = self.path.with_name(f"{self.path.name}.restoring")
        self._drop(beside)
        with translated(beside):
            beside.touch(mode=0o600)
            shutil.copyfile(file, beside)
        copy = Sqlite(beside)
        try:
            mend(copy)
        except peewee.DatabaseError as e:
            raise SettingsError(f"{file} is no copy of a database: {e}") from e
        finally:
            copy.close_all()
        _fsync(beside)
        self.close()
        with self._write_lock:
            self._empty_log()
            if self.path.stat().st_size:
                before = self.path.with_name(f"{self.path.name}.replaced-{time.time_ns()}")
                os.link(self.path, before)
                log.info("the database that was there is in %s", before)
            beside.replace(self.path)
            fsync_folder(self.path.parent)
        self._drop(beside)

    def _empty_log(self) -> None:
        """Bring all into the file: what is left beside it would be taken for the next one's."""
        with closing(sqlite3.connect(self.path)) as db:
            (is_busy, *_) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy or self.path.with_name(f"{self.path.name}-wal").exists():
            raise TemporaryError(f"{self.path} is in use: end what uses it, then restore again")

    def _drop(self, file: Path) -> None:
        for end in ("", "-wal", "-shm", ".lock", ".lock-queue"):
            file.with_name(file.name + end).unlink(missing_ok=True)

    def close(self) -> bool:
        """Close this thread's connection and the one for writing; both are opened when needed."""
        with self._write_lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        closed: bool = super().close()
        return closed


def _fsync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
    fsync_folder(file.parent)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (peewee.OperationalError, sqlite3.OperationalError) as e:
        text = str(e)
        if "disk I/O" in text:
            end_process(path, e)
        if "locked" in text or "busy" in text or "full" in text:
            raise TemporaryError(f"the database cannot be written just now: {text}") from e
        raise
    except (peewee.DatabaseError, sqlite3.DatabaseError) as e:
        if "malformed" in str(e) or "not a database" in str(e):
            end_process(path, e)
        raise
