"""Objects of more than one row: chunks in, the manifest last; chunks out."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from postroom.errors import TemporaryError

from . import TOUCH_SECONDS, ObjectDamagedError
from .codec import Codec
from .keys import check_key
from .sqlite_file import SqliteFile

#: Larger objects are stored in rows of so many bytes before compression.
CHUNK = 1024 * 1024
#: Chunks that one transaction of an upload takes: others may write in between.
_CHUNKS_AT_ONCE = 4

# S608: the number is a constant of ours.
PUT = f"""
INSERT INTO objects (key, codec, size, touched, upload, body) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET touched = excluded.touched
WHERE touched < excluded.touched - {TOUCH_SECONDS}
"""  # noqa: S608
_PUT_CHUNK = "INSERT INTO chunks (upload, number, codec, body) VALUES (?, ?, ?, ?)"

Packed = tuple[str, bytes | memoryview]


class Stored(NamedTuple):
    """A row of the table of objects; `upload` names the chunks of a large one."""

    key: str
    codec: str
    size: int
    upload: int | None
    body: bytes


class Chunks:
    """Reads a stored object at any position; holds one chunk."""

    def __init__(self, file: SqliteFile, codec: Codec, stored: Stored) -> None:
        self._file = file
        self._codec = codec
        self._key = stored.key
        self._upload = stored.upload
        self.size = stored.size
        self._number = -1
        self._chunk = b""
        if stored.upload is None:
            self._number, self._chunk = 0, codec.unpack(stored.codec, stored.body, stored.size)

    def read_at(self, position: int, wanted: int) -> bytes:
        """Bytes from `position` on, `wanted` or as many as the chunk has."""
        number, offset = divmod(position, CHUNK)
        if number != self._number:
            self._number, self._chunk = number, self._load(number)
        return self._chunk[offset : offset + wanted]

    def _load(self, number: int) -> bytes:
        with self._file.read() as db:
            row = db.execute(
                "SELECT codec, body FROM chunks WHERE upload = ? AND number = ?",
                (self._upload, number),
            ).fetchone()
        if row is None:
            raise ObjectDamagedError(f"{self._key}: chunk {number} is not in the store")
        codec, body = row
        return self._codec.unpack(codec, body, min(CHUNK, self.size - number * CHUNK))


class SqliteWriter:
    """Takes an object in pieces, in as many transactions as it has groups of chunks."""

    def __init__(
        self,
        file: SqliteFile,
        codec: Codec,
        key: str | None,
        put_small: Callable[[str, bytes], int],
    ) -> None:
        self._put_small = put_small
        self._file = file
        self._codec = codec
        self._key = key
        self._buffer = bytearray()
        self._packed: list[Packed] = []
        #: Chunks that are in the file already, under this upload.
        self._written = 0
        self._upload: int | None = None
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if self._upload is not None:
            # What cannot be dropped now goes when the store is opened another day.
            with suppress(TemporaryError), self._file.write() as db:
                _drop(db, self._upload)

    def write(self, chunk: bytes | memoryview) -> None:
        """Append a chunk of any length."""
        view = memoryview(chunk)
        self._size += len(view)
        while view:
            if len(self._buffer) == CHUNK:
                self._cut()
            room = CHUNK - len(self._buffer)
            self._buffer += view[:room]
            view = view[room:]

    def commit(self, key: str | None = None) -> int:
        """Make the object durable; after a TemporaryError it may be tried again."""
        key = key or self._key
        if key is None:
            raise ValueError("an object needs a key, at open_write or at commit")
        check_key(key)
        body = bytes(self._buffer)
        if self._size <= CHUNK:
            return self._put_small(key, body)
        packed = [*self._packed, self._codec.pack(body)]
        with self._file.write() as db:
            upload = self._store(db, packed)
            finish(db, upload, key, self._size)
            batch = next_batch(db)
        self._upload = None
        return batch

    def _cut(self) -> None:
        self._packed.append(self._codec.pack(bytes(self._buffer)))
        self._buffer.clear()
        if len(self._packed) >= _CHUNKS_AT_ONCE:
            with self._file.write() as db:
                upload = self._store(db, self._packed)
            self._upload = upload
            self._written += len(self._packed)
            self._packed.clear()

    def _store(self, db: sqlite3.Connection, packed: Sequence[Packed]) -> int:
        upload = begin(db) if self._upload is None else self._upload
        add_chunks(db, upload, packed, first=self._written)
        return upload


def pack_chunks(codec: Codec, body: bytes | memoryview) -> Iterator[Packed]:
    """Cut an object that is in memory into chunks."""
    view = memoryview(body)
    for start in range(0, len(view), CHUNK):
        yield codec.pack(view[start : start + CHUNK])


def begin(db: sqlite3.Connection) -> int:
    """Return the id of a new upload."""
    db.execute("INSERT INTO uploads (started) VALUES (?)", (int(time.time()),))
    (upload,) = db.execute("SELECT last_insert_rowid()").fetchone()
    return int(upload)


def add_chunks(
    db: sqlite3.Connection, upload: int, chunks: Sequence[Packed], first: int = 0
) -> None:
    """Write chunks, numbered from `first` on."""
    db.executemany(_PUT_CHUNK, ((upload, n, *chunk) for n, chunk in enumerate(chunks, first)))


def finish(db: sqlite3.Connection, upload: int, key: str, size: int) -> None:
    """Write the manifest, or drop the chunks of an object that is held already."""
    if not db.execute("DELETE FROM uploads WHERE id = ?", (upload,)).rowcount:
        raise TemporaryError(f"{key}: the upload took more than a day and was dropped")
    db.execute(PUT, (key, "", size, int(time.time()), upload, None))
    ours = db.execute("SELECT 1 FROM objects WHERE key = ? AND upload = ?", (key, upload))
    if ours.fetchone() is None:
        _drop(db, upload)


def _drop(db: sqlite3.Connection, upload: int) -> None:
    db.execute("DELETE FROM chunks WHERE upload = ?", (upload,))
    db.execute("DELETE FROM uploads WHERE id = ?", (upload,))


def current_batch(db: sqlite3.Connection) -> int:
    """The number of the last commit that the connection sees."""
    (batch,) = db.execute("SELECT batch FROM meta").fetchone()
    return int(batch)


def next_batch(db: sqlite3.Connection) -> int:
    """Count this transaction and return its number."""
    db.execute("UPDATE meta SET batch = batch + 1")
    return current_batch(db)
