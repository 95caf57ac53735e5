"""Files that are whole or not there: written beside, fsynced, renamed, and the folder fsynced."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postroom.errors import PostroomError, TemporaryError

from . import BadKeyError, StorageBrokenError
from .keys import RESERVED

_PASSING = {
    errno.EAGAIN,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
}
#: A key runs through another key's file, or is the folder of one.
_IN_THE_WAY = {errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the system's errors about files into ours."""
    try:
        yield
    except OSError as e:
        raise translation(path, e) from e


def translation(path: Path, e: OSError) -> PostroomError:
    """Our error for one of the system's: does it pass, is it the key, or is the disk broken?"""
    text = f"{e.filename or path}: {e.strerror}"
    if e.errno in _PASSING:
        return TemporaryError(text)
    if e.errno in _IN_THE_WAY:
        return BadKeyError(text)
    return StorageBrokenError(text)


def make_folder(folder: Path) -> None:
    """Make a folder and what lies above it, durable, and nobody else's to look into."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    fsync_folder(folder.parent)


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def create_temporary(folder: Path) -> tuple[Path, int]:
    """Make a new private file with a name of ours; return it with its descriptor."""
    path = folder / f"{RESERVED}{secrets.token_hex(16)}.tmp"
    return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def write_all(fd: int, body: bytes | memoryview) -> None:
    """Write all bytes: a single write may take only some."""
    rest = memoryview(body)
    while rest:
        rest = rest[os.write(fd, rest) :]


def replace_file(path: Path, body: bytes) -> None:
    """Replace a private file's content at once, durable on return."""
    temporary, fd = create_temporary(path.parent)
    try:
        try:
            write_all(fd, body)
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)
