"""A large object on its way into S3, one part of it in memory."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from postroom.errors import TemporaryError

from .durable import translated
from .keys import check_key
from .s3_bucket import PIECE
from .s3_parts import Parts


class S3Writer:
    """Takes an object in pieces; see Writer."""

    def __init__(
        self,
        key: str,
        parts: Parts,
        part_bytes: int,
        put: Callable[[bytes], None],
        touch: Callable[[], bool],
    ) -> None:
        self._key = key
        self._parts = parts
        self._part_bytes = part_bytes
        self._put = put
        self._touch = touch
        self._buffer = bytearray()
        #: Is all here that was written?
        self._whole = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._parts.abort()

    def write(self, chunk: bytes | memoryview) -> None:
        """Append a chunk of any length."""
        whole, self._whole = self._whole, False
        view = memoryview(chunk)
        while view:
            # Not before more comes: the last part may be of any length, but not empty.
            if len(self._buffer) == self._part_bytes:
                self._cut()
            room = self._part_bytes - len(self._buffer)
            self._buffer += view[:room]
            view = view[room:]
        self._whole = whole

    def commit(self, key: str | None = None) -> int:
        """Make the object durable; after a TemporaryError it may be tried again."""
        if key not in (None, self._key):
            raise ValueError(f"the object has a key since open_write: {self._key!r}")
        if not self._whole:
            raise TemporaryError(f"{self._key}: not all of it was taken: write it anew")
        if not self._parts:
            self._put(bytes(self._buffer))
            return 0
        if self._buffer:
            self._cut()
        # Looked for first: not every server keeps what is there by itself.
        if not (self._touch() or self._parts.complete() or self._touch()):
            raise TemporaryError(f"{self._key}: the upload took too long and was dropped")
        return 0

    def _cut(self) -> None:
        self._parts.add(self._buffer)
        self._buffer = bytearray()


class WaitingWriter:
    """Takes an object whose key comes at the end: S3 asks for it first, so it waits in a file."""

    def __init__(self, open_write: Callable[[str], S3Writer]) -> None:
        self._open_write = open_write
        self._folder = Path(tempfile.gettempdir())
        with translated(self._folder):
            self._file = tempfile.TemporaryFile()  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._file.close()

    def write(self, chunk: bytes | memoryview) -> None:
        """Append a chunk of any length."""
        with translated(self._folder):
            self._file.write(chunk)

    def commit(self, key: str | None = None) -> int:
        """Make the object durable; after a TemporaryError it may be tried again."""
        if key is None:
            raise ValueError("an object needs a key, at open_write or at commit")
        check_key(key)
        with translated(self._folder):
            self._file.seek(0)
            with self._open_write(key) as writer:
                shutil.copyfileobj(self._file, writer, PIECE)
                return writer.commit()
