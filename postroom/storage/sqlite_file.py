"""One SQLite file that outlives power cuts: a writer under the file lock, read-only readers."""

import os
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from postroom.errors import PostroomError, TemporaryError

from . import StorageBrokenError
from .durable import fsync_folder, make_folder, translation
from .lock import FileLock

_BROKEN = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY,
}
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
}
#: Most packed mails fit in one; with 300,000 objects pages of 4 and of 16 KB measured no better.
_PAGE_SIZE = 8192
#: 32 MB, four times SQLite's: checkpoints come less often, measured a tenth less work an insert.
_WAL_PAGES = 4000
_BUSY_SECONDS = 5.0


class SqliteFile:
    """Connections to one file; safe for threads and processes, not to be carried over a fork.

    All writes go through `write`, so commits and checkpoints never overlap (the WAL-reset fault of
    SQLite before 3.51.3 needs two at once). Local disks only: WAL needs shared memory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock = FileLock(self.path.with_name(self.path.name + "-lock"))
        self._readers: deque[sqlite3.Connection] = deque()
        self._closed = False
        with translated(self.path):
            make_folder(self.path.parent)
            self._open()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction, alone on this host, durable when the block is left without an error."""
        with translated(self.path), self._lock:
            self._check_in_place()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                # SQLite may have rolled back by itself, and then says so with an error.
                with suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A read-only connection that no one else uses meanwhile."""
        with translated(self.path):
            self._check_in_place()
            db = self._reader()
            try:
                yield db
            except BaseException:
                db.close()
                raise
            self._give_back(db)

    def close(self) -> None:
        """Close all connections that are not in use; the others close when given back."""
        self._closed = True
        while self._readers:
            self._readers.pop().close()
        with self._lock:
            self._writer.close()

    def _open(self) -> None:
        with self._lock:
            # Mail is private; SQLite gives its side files the same mode.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self._writer = self._connect("rw")
            self._identity = self._identify()
            fsync_folder(self.path.parent)

    def _reader(self) -> sqlite3.Connection:
        try:
            return self._readers.pop()
        except IndexError:
            return self._connect("ro")

    def _give_back(self, db: sqlite3.Connection) -> None:
        if self._closed:
            db.close()
        else:
            self._readers.append(db)

    def _connect(self, mode: str) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if mode == "rw":
                db.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
                demand(db, "journal_mode", "wal")
                db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
            # 2 is FULL.
            demand(db, "synchronous", 2)
        except BaseException:
            db.close()
            raise
        return db

    def _identify(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_dev, found.st_ino

    def _check_in_place(self) -> None:
        # A connection outlives its file's name: commits would go where no one finds them.
        try:
            if self._identify() == self._identity:
                return
        except FileNotFoundError:
            pass
        raise StorageBrokenError(f"{self.path} was removed or replaced while it was in use")


def demand(db: sqlite3.Connection, pragma: str, value: str | int) -> None:
    """Set a pragma and read it back, since SQLite ignores what it cannot do without a word."""
    db.execute(f"PRAGMA {pragma} = {value}")
    (found,) = db.execute(f"PRAGMA {pragma}").fetchone()
    if found != value:
        raise PostroomError(f"SQLite keeps {pragma} = {found} where {value} was set")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn errors about the file into ours; those of programming stay what they are."""
    try:
        yield
    except sqlite3.Error as e:
        # The lowest byte is the kind, the rest its shade (sqlite.org/rescode.html).
        kind = getattr(e, "sqlite_errorcode", 0) & 0xFF
        if kind in _PASSING:
            raise TemporaryError(f"{path}: {e}") from e
        if kind in _BROKEN:
            raise StorageBrokenError(f"{path}: {e} ({e.sqlite_errorname})") from e
        raise
    except OSError as e:
        raise translation(path, e) from e
