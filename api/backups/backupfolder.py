"""The folder of a backup: moments, each a copy of the database, and below them all objects.

An object is kept once, under its SHA-256, whatever moments name it. A moment is a folder that is
renamed when all of it is there: what has another name was never finished.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import msgspec

from postroom.errors import PostroomError, SettingsError, TemporaryError
from postroom.storage import Storage, open_storage
from postroom.storage.durable import fsync_folder, make_folder, replace_file
from postroom.storage.lock import FileLock

from ..objects.inventory import Item, Store

FORMAT = 1
MOMENTS, MANIFEST, OBJECTS, SETTINGS = "moments", "manifest.json", "objects.jsonl", "config.ini"
_UNFINISHED = ".new-"
#: Raw mails are many and small, files few and large: as where they come from.
_STORES: Mapping[Store, tuple[str, str]] = {
    "mails": ("sqlite", "mails.sqlite"),
    "files": ("directory", "files"),
}
_LOCK = ".lock"


class Counted(msgspec.Struct, frozen=True):
    """Objects of one store."""

    count: int = 0
    bytes: int = 0
    #: That rows name and the store had not, or of other bytes.
    missing: int = 0


class Manifest(msgspec.Struct, frozen=True):
    """What a moment holds."""

    made: str
    program: str
    #: Of the database: sqlite or postgresql, its schema, and how many rows its tables have.
    kind: str
    schema: int
    rows: dict[str, int]
    objects: dict[Store, Counted]
    #: The SHA-256 of each file beside this one.
    files: dict[str, str]
    format: int = FORMAT

    @property
    def database(self) -> str:
        """The name of the database's file."""
        return f"database.{self.kind}"


class Moment:
    """One copy of the database, and the list of the objects that it names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """Its time, as 20261125T090000Z."""
        return self.path.name.removeprefix(_UNFINISHED)

    def manifest(self) -> Manifest:
        """PostroomError when there is none that this program can read."""
        file = self.path / MANIFEST
        try:
            found = msgspec.json.decode(file.read_bytes(), type=Manifest)
        except (OSError, msgspec.MsgspecError) as e:
            raise PostroomError(f"{file} cannot be read: {e}") from e
        if found.format > FORMAT:
            raise SettingsError(f"{file} was written by a newer Postroom: restore with that one")
        return found

    def items(self) -> Iterator[Item]:
        """The objects, in the order in which they were listed."""
        return read_items(self.path / OBJECTS)


class BackupFolder:
    """Use it as a context manager: others wait outside."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock = FileLock(self.path / _LOCK, timeout=0.5)

    @classmethod
    def made(cls, path: Path) -> Self:
        """The folder, made when it is not there; SettingsError when it holds something else."""
        if path.exists() and not (path / MOMENTS).is_dir():
            others = [each.name for each in path.iterdir() if not each.name.startswith(_LOCK)]
            if others:
                raise SettingsError(f"{path} holds something else than backups: name an empty one")
        make_folder(path.absolute())
        make_folder(path.absolute() / MOMENTS)
        return cls(path)

    @classmethod
    def found(cls, path: Path) -> Self:
        """The folder that is there; SettingsError when there is no backup in it."""
        if not (path / MOMENTS).is_dir():
            raise SettingsError(f"{path} holds no backup")
        return cls(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone in it; TemporaryError when another backup or restore uses it."""
        try:
            self._lock.__enter__()
        except TemporaryError as e:
            raise TemporaryError(f"another backup or restore uses {self.path} just now") from e
        try:
            yield
        finally:
            self._lock.__exit__(None, None, None)

    def stores(self) -> dict[Store, Storage]:
        """Where the objects are, by SHA-256."""
        return {
            store: open_storage(kind, self.path / name) for store, (kind, name) in _STORES.items()
        }

    def moments(self) -> list[Moment]:
        """All that are whole, the oldest first."""
        found = (self.path / MOMENTS).iterdir()
        names = sorted(each for each in found if not each.name.startswith("."))
        return [Moment(each) for each in names]

    def moment(self, name: str = "") -> Moment:
        """That of this name, or the last one; SettingsError when there is none."""
        moments = self.moments()
        if not moments:
            raise SettingsError(f"{self.path} holds no backup that was finished")
        chosen = [each for each in moments if each.name == name] if name else moments
        if not chosen:
            names = ", ".join(each.name for each in moments)
            raise SettingsError(f"{self.path} holds no backup of {name}, but of {names}")
        return chosen[-1]

    def begin(self) -> Moment:
        """A new one; what was never finished goes."""
        for left in (self.path / MOMENTS).glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left)
        taken = {each.name for each in self.moments()}
        while (name := datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")) in taken:
            # Two of one second would have one name.
            time.sleep(0.1)
        path = self.path / MOMENTS / f"{_UNFINISHED}{name}"
        make_folder(path)
        return Moment(path)

    def finish(self, moment: Moment, manifest: Manifest) -> Moment:
        """Write its manifest and give it its name; durable on return."""
        for each in moment.path.iterdir():
            with each.open("rb") as opened:
                os.fsync(opened.fileno())
        body = msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"
        replace_file(moment.path / MANIFEST, body)
        named = moment.path.with_name(moment.name)
        moment.path.rename(named)
        fsync_folder(named.parent)
        return Moment(named)

    def forget(self, most: int) -> int:
        """Keep so many moments, the newest; how many objects went with the others."""
        moments = self.moments()
        for moment in moments[:-most]:
            shutil.rmtree(moment.path)
        kept = {bytes.fromhex(item.sha256) for each in moments[-most:] for item in each.items()}
        stores = self.stores()
        deleted = 0
        for storage in stores.values():
            old = [key for key, *_ in storage.list() if bytes.fromhex(key) not in kept]
            deleted += storage.delete(old)
            storage.close()
        return deleted


def read_items(file: Path) -> Iterator[Item]:
    """The objects that a file lists; PostroomError for a line that is none."""
    decoder = msgspec.json.Decoder(Item)
    with file.open("rb") as lines:
        for line in lines:
            try:
                yield decoder.decode(line)
            except msgspec.MsgspecError as e:
                raise PostroomError(f"{file}: a line is no object: {e}") from e


def write_items(file: Path, items: Iterable[Item]) -> int:
    """List objects in a new file; how many."""
    count = 0
    encoder = msgspec.json.Encoder()
    file.touch(mode=0o600)
    with file.open("wb") as lines:
        for item in items:
            lines.write(encoder.encode(item) + b"\n")
            count += 1
    return count


def sha256_of(file: Path) -> str:
    """Of a file's bytes."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
