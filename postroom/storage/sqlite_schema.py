"""The tables of an object store in SQLite."""

import secrets
import sqlite3
import time
from pathlib import Path

from postroom.errors import SettingsError

from . import ABANDONED_SECONDS

_VERSION = 1
#: "Post": tells our files from other SQLite files.
_APPLICATION = 0x506F7374

# The body stands last, so that listing reads none of it. An object of more than one chunk has none,
# but names the upload that brought its chunks. Upload ids never come again.
_TABLES = """
CREATE TABLE meta (id TEXT NOT NULL, batch INTEGER NOT NULL);
CREATE TABLE objects (
    key TEXT PRIMARY KEY, codec TEXT NOT NULL, size INTEGER NOT NULL, touched INTEGER NOT NULL,
    upload INTEGER, body BLOB
);
CREATE TABLE uploads (id INTEGER PRIMARY KEY AUTOINCREMENT, started INTEGER NOT NULL);
CREATE TABLE chunks (
    upload INTEGER NOT NULL, number INTEGER NOT NULL, codec TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (upload, number)
)
"""


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """In a write transaction: make the tables where there are none, drop abandoned uploads."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        _create(db)
    elif application != _APPLICATION:
        raise SettingsError(f"{path} is an SQLite file of something else, not an object store")
    elif version > _VERSION:
        raise SettingsError(f"{path} was written by a newer Postroom (format {version})")
    _drop_abandoned(db, time.time() - ABANDONED_SECONDS)


def _create(db: sqlite3.Connection) -> None:
    # Statement by statement: executescript would commit first.
    for statement in _TABLES.split(";"):
        db.execute(statement)
    db.execute("INSERT INTO meta VALUES (?, 0)", (secrets.token_hex(16),))
    db.execute(f"PRAGMA application_id = {_APPLICATION}")
    db.execute(f"PRAGMA user_version = {_VERSION}")


def _drop_abandoned(db: sqlite3.Connection, before: float) -> None:
    for upload in db.execute("SELECT id FROM uploads WHERE started < ?", (before,)).fetchall():
        db.execute("DELETE FROM chunks WHERE upload = ?", upload)
        db.execute("DELETE FROM uploads WHERE id = ?", upload)
