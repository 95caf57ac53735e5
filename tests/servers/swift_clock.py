"""Makes an object of Swift look older than it is, in both places that keep its time."""

import hashlib
import os
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path

#: What swift.conf says.
HASH_SUFFIX = "tests"
#: Under which a file's own metadata stands, and its sum.
_METADATA, _SUM = "user.swift.metadata", "user.swift.metadata_checksum"


def age(devices: Path, account: str, container: str, name: str, seconds: float) -> None:
    """Set the time back that listings and HEAD tell; a listing must have been asked for before."""
    _age_listing(devices, f"/{account}/{container}", name, seconds)
    for file in _found(devices / "objects", f"/{account}/{container}/{name}", "*.data"):
        metadata = pickle.loads(os.getxattr(file, _METADATA))  # noqa: S301 - our own server's
        then = _set_back(_text(metadata), seconds)
        metadata[b"X-Timestamp" if b"X-Timestamp" in metadata else "X-Timestamp"] = then
        packed = pickle.dumps(metadata, 2)
        os.setxattr(file, _METADATA, packed)
        os.setxattr(file, _SUM, _md5(packed).encode())
        file.rename(file.with_name(f"{then}.data"))


def _age_listing(devices: Path, path: str, name: str, seconds: float) -> None:
    (file,) = _found(devices / "containers", path, "*.db")
    with closing(sqlite3.connect(file)) as db, db:
        db.create_function("chexor", 3, lambda old, _name, _time: old)
        db.create_function("set_back", 1, lambda timestamp: _set_back(timestamp, seconds))
        # Its triggers allow no update.
        db.execute("CREATE TEMP TABLE aged AS SELECT * FROM object WHERE name = ?", (name,))
        db.execute("UPDATE aged SET created_at = set_back(created_at)")
        db.execute("DELETE FROM object WHERE name = ?", (name,))
        db.execute("INSERT INTO object SELECT * FROM aged")


def _found(folder: Path, path: str, pattern: str) -> list[Path]:
    return list(folder.glob(f"*/*/{_md5((path + HASH_SUFFIX).encode())}/{pattern}"))


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _text(metadata: dict[object, object]) -> str:
    found = metadata.get("X-Timestamp") or metadata[b"X-Timestamp"]
    return found.decode() if isinstance(found, bytes) else str(found)


def _set_back(timestamp: str, seconds: float) -> str:
    plain, _, rest = timestamp.partition("+")
    return f"{float(plain.partition('_')[0]) - seconds:016.05f}" + ("+" + rest if rest else "")
