"""Stores of every registered kind, each test's own, for tests that hold for all of them."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from postroom import settings
from postroom.settings import Config
from postroom.storage import STORAGES, Storage, open_storage
from tests.servers.swift import Swift

KINDS = tuple(STORAGES)
#: Those that tell by a number when an older copy was put in their place.
COUNTING = ("sqlite", "directory")
#: For S3 see the fixture.
MANY = {"s3": 32, "sqlite": 1100, "directory": 100}


@dataclass(frozen=True)
class Spot:
    """A place for stores of one kind."""

    kind: str
    folder: Path
    swift: Swift | None = None

    @property
    def many(self) -> int:
        """More objects than one page of a listing has; a directory has no pages."""
        return MANY[self.kind]

    def path(self, name: str = "store") -> Path:
        """Where the store of that name is, if it is on this machine."""
        return self.folder / "new" / name

    def open(self, name: str = "store") -> Storage:
        """Open the store of that name."""
        return open_storage(self.kind, self.path(name), self._config(name))

    def age(self, key: str, seconds: float) -> None:
        """Make an object look as if it had been touched so long ago."""
        if self.swift:
            self.swift.age(f"{self._prefix('store')}/mails/{key}", seconds)
        elif self.kind == "sqlite":
            with closing(sqlite3.connect(self.path())) as db, db:
                db.execute("UPDATE objects SET touched = touched - ? WHERE key = ?", (seconds, key))
        else:
            file = self.path() / key
            then = file.stat().st_mtime - seconds
            os.utime(file, (then, then))

    def _config(self, name: str) -> Config:
        if self.swift is None:
            return Config()
        file = self.folder / f"{name}.ini"
        file.write_text(self.swift.section(self._prefix(name)))
        return settings.load(file)

    def _prefix(self, name: str) -> str:
        # pytest gives each test a folder of its own, but xdist's workers have servers of their own.
        return f"{self.folder.name}/{name}"
