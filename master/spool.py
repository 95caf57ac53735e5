"""Mails that come in parts, until the push that names them; a file each, seen by all workers."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from postroom.errors import RefusedError, TemporaryError
from postroom.storage.durable import translated

#: An upload under way grows all the time; this one's provider is gone.
STALE_SECONDS = 3600
#: Several large mails at a time, and the disk still has room for the store.
TOTAL_MAILS = 10
FULL_SECONDS = 60.0


class Spool:
    """A file grows without gaps, so its length says how far an upload has come.

    Nothing is promised for a part: the SHA-256 that the push names is compared when the bytes
    move to the store, and only the store makes them durable.
    """

    def __init__(self, folder: Path, mail_bytes: int) -> None:
        self._folder = folder
        self._mail_bytes = mail_bytes
        self._total_bytes = mail_bytes * TOTAL_MAILS
        # Here alone an error may be the operator's: the folder cannot be a spool.
        with translated(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            tempfile.TemporaryFile(dir=folder).close()

    def put(self, upload: str, offset: int, piece: bytes | memoryview) -> int:
        """Write a piece where it belongs, return how many bytes there are without a gap."""
        if offset + len(piece) > self._mail_bytes:
            self.remove(upload)
            raise RefusedError("too_big", f"a mail has at most {self._mail_bytes} bytes")
        with _disk(), self._locked(upload) as stream:
            length = stream.seek(0, os.SEEK_END)
            end = offset + len(piece)
            # Somebody is on it, even if he only asks how far it has come.
            os.utime(stream.fileno())
            if offset > length or end <= length:
                return length
            self._make_room(end - length)
            # What is there may be read at this moment: it is never written again.
            stream.write(memoryview(piece)[length - offset :])
            return end

    def size(self, upload: str) -> int:
        """How many bytes have come."""
        try:
            return self._file(upload).stat().st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def read(self, upload: str) -> Iterator[BinaryIO]:
        """The bytes from the start."""
        with _disk(), self._file(upload).open("rb") as stream:
            yield stream

    def remove(self, upload: str) -> None:
        """The upload is done with, or must start again."""
        self._file(upload).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what nobody has added to for an hour."""
        oldest = time.time() - STALE_SECONDS
        with _disk():
            for file in list(self._folder.iterdir()):
                # Another worker may sweep, or be done with an upload, at the same moment.
                with suppress(FileNotFoundError):
                    if file.stat().st_mtime < oldest:
                        file.unlink()

    def _make_room(self, needed: int) -> None:
        if self._held() + needed > self._total_bytes:
            self.sweep()
        if self._held() + needed > self._total_bytes:
            raise TemporaryError("the spool is full: other large mails are under way", FULL_SECONDS)

    def _held(self) -> int:
        return sum(self.size(entry.name) for entry in os.scandir(self._folder))

    def _file(self, upload: str) -> Path:
        return self._folder / upload

    @contextmanager
    def _locked(self, upload: str) -> Iterator[BinaryIO]:
        """Two workers may get two parts of one upload, or the same part twice."""
        handle = os.open(self._file(upload), os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield stream


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise TemporaryError(f"the spool cannot be used: {e}", FULL_SECONDS) from e
