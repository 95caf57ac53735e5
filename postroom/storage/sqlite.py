"""Objects in one SQLite file, compressed, one commit a batch."""

import json
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Self
from urllib.parse import quote

from postroom.errors import ObjectMissingError
from postroom.memory import joined

from . import Entry, Place
from .codec import Codec
from .keys import check_key, matches
from .sqlite_file import SqliteFile
from .sqlite_large import (
    CHUNK,
    PUT,
    Chunks,
    Packed,
    SqliteWriter,
    Stored,
    add_chunks,
    begin,
    current_batch,
    finish,
    next_batch,
    pack_chunks,
)
from .sqlite_schema import prepare
from .streams import ranged

_LISTED_AT_ONCE = 1_000
_DELETE = "DELETE FROM objects WHERE key = ? AND touched < ?"
_DELETE_CHUNKS = """
DELETE FROM chunks WHERE upload = (SELECT upload FROM objects WHERE key = ? AND touched < ?)
"""


class SqliteStorage:
    """The default for raw mails; see Storage. One host, local disks only."""

    def __init__(self, path: Path) -> None:
        self._codec = Codec()
        self._file = SqliteFile(path)
        try:
            with self._file.write() as db:
                prepare(db, path)
                (self.id,) = db.execute("SELECT id FROM meta").fetchone()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, place: Place) -> Self:
        """Open the file; see Storage."""
        with place.blaming():
            return cls(place.path)

    def batch(self) -> int:
        """The number of the last commit."""
        with self._file.read() as db:
            return current_batch(db)

    def put_many(self, objects: Iterable[tuple[str, bytes | memoryview]]) -> int:
        """Keep all objects in one transaction; see Storage."""
        now = int(time.time())
        rows: list[tuple[str, str, int, int, None, bytes | memoryview]] = []
        large: list[tuple[str, int, Sequence[Packed]]] = []
        # Packed before the lock is taken: compression is most of the work.
        for key, body in objects:
            check_key(key)
            if len(body) > CHUNK:
                large.append((key, len(body), list(pack_chunks(self._codec, body))))
            else:
                codec, packed = self._codec.pack(body)
                rows.append((key, codec, len(body), now, None, packed))
        with self._file.write() as db:
            changes = db.total_changes
            db.executemany(PUT, rows)
            for key, size, chunks in large:
                upload = begin(db)
                add_chunks(db, upload, chunks)
                finish(db, upload, key, size)
            return next_batch(db) if db.total_changes > changes else current_batch(db)

    def open_write(self, key: str | None = None, *, type: str = "", name: str = "") -> SqliteWriter:
        """Take a large object in pieces; see Storage."""
        if key is not None:
            check_key(key)
        return SqliteWriter(
            self._file, self._codec, key, lambda key, body: self.put_many([(key, body)])
        )

    def get(self, key: str) -> bytes:
        """The whole object; see Storage."""
        chunks = self._chunks(key)
        if chunks.size <= CHUNK:
            return chunks.read_at(0, CHUNK)
        return joined(chunks.read_at(start, CHUNK) for start in range(0, chunks.size, CHUNK))

    def open_read(self, key: str, start: int = 0, length: int | None = None) -> BufferedReader:
        """The object or a range of it as a stream; see Storage."""
        chunks = self._chunks(key)
        return ranged(chunks.read_at, chunks.size, start, length)

    def size(self, key: str) -> int:
        """The object's length in bytes; see Storage."""
        check_key(key)
        with self._file.read() as db:
            row = db.execute("SELECT size FROM objects WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise _missing(key)
        return int(row[0])

    def exists(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that are held."""
        for key in keys:
            check_key(key)
        with self._file.read() as db:
            rows = db.execute(
                "SELECT key FROM objects WHERE key IN (SELECT value FROM json_each(?))",
                (json.dumps(list(keys)),),
            )
            return {key for (key,) in rows}

    def verify(self, key: str) -> bool:
        """Read it all and compare; see Storage."""
        try:
            with self.open_read(key) as stream:
                return matches(key, stream)
        except ObjectMissingError:
            return False

    def list(self, after: str = "") -> Iterator[Entry]:
        """All objects with keys above `after`, sorted by key."""
        # Page by page: a long read would keep the WAL from being emptied.
        while page := self._page(after):
            yield from page
            after = page[-1].key

    def delete(self, keys: Collection[str], *, untouched_since: float | None = None) -> int:
        """Forget the objects; see Storage."""
        since = float("inf") if untouched_since is None else untouched_since
        for key in keys:
            check_key(key)
        doomed = [(key, since) for key in keys]
        with self._file.write() as db:
            db.executemany(_DELETE_CHUNKS, doomed)
            deleted = db.executemany(_DELETE, doomed).rowcount
            if deleted:
                next_batch(db)
            return deleted

    def url(self, key: str) -> str:
        """The file and the key in it."""
        check_key(key)
        return f"sqlite://{quote(str(self._file.path))}#{quote(key)}"

    def close(self) -> None:
        """Close all connections."""
        self._file.close()

    def _chunks(self, key: str) -> Chunks:
        check_key(key)
        with self._file.read() as db:
            row = db.execute(
                "SELECT key, codec, size, upload, body FROM objects WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            raise _missing(key)
        return Chunks(self._file, self._codec, Stored(*row))

    def _page(self, after: str) -> Sequence[Entry]:
        with self._file.read() as db:
            rows = db.execute(
                "SELECT key, size, touched FROM objects WHERE key > ? ORDER BY key LIMIT ?",
                (after, _LISTED_AT_ONCE),
            )
            return [Entry(key, size, float(touched)) for key, size, touched in rows]


def _missing(key: str) -> ObjectMissingError:
    return ObjectMissingError(f"no object {key!r} is stored")
