"""PostgreSQL's own programs, which copy a database and bring a copy back."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from psycopg import conninfo

from postroom.errors import PostroomError, SettingsError
from postroom.storage.durable import fsync_folder

from .base import RESTORING

_HEAD = b"PGDMP"
_PLAIN = ("--no-owner", "--no-privileges", "--no-comments")
#: A dump sets the search path of its session; the fact goes where ours looks for it.
_MARK = f"""
RESET search_path;
INSERT INTO facts (created, changed, name, value) VALUES ('', '', '{RESTORING}', '');
"""  # noqa: S608 - a constant of ours
_CHUNK = 1024 * 1024


class Server:
    """A database on a server, as those programs are told of it."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        rest = {name: value for name, value in given.items() if name != "password"}
        self._name = conninfo.make_conninfo("", **rest)
        # Not as an argument, which all on this machine see.
        password = given.get("password")
        self._environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}

    def dump(self, file: Path, snapshot: str) -> None:
        """Copy all that the snapshot sees into a file that is made; durable on return."""
        file.touch(mode=0o600)
        told = [f"--snapshot={snapshot}", f"--file={file}", f"--dbname={self._name}"]
        command = [_found("pg_dump"), "--format=custom", *_PLAIN, *told]
        done = subprocess.run(command, env=self._environment, stderr=subprocess.PIPE, check=False)  # noqa: S603
        if done.returncode:
            raise PostroomError(_said("pg_dump", done.stderr))
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
        fsync_folder(file.parent)

    def restore(self, file: Path, tables: Sequence[str]) -> None:
        """Put a copy in the place of these tables, in one transaction, and mark it as not done."""
        with file.open("rb") as opened:
            if opened.read(len(_HEAD)) != _HEAD:
                raise SettingsError(f"{file} is no copy of a PostgreSQL database")
        words = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
        psql = [_found("psql"), *words, "--output=/dev/null", f"--dbname={self._name}"]
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(  # noqa: S603
                psql, stdin=subprocess.PIPE, stderr=said, env=self._environment
            ) as writing,
        ):
            told = cast(BinaryIO, writing.stdin)
            try:
                told.write(_drops(tables))
                _read_into(told, file)
                told.write(_MARK.encode())
            except BrokenPipeError:
                # It ended first, and says why.
                pass
            except BaseException:
                # At the end of what it reads it would commit.
                writing.kill()
                raise
            finally:
                with suppress(BrokenPipeError):
                    told.close()
            if writing.wait():
                said.seek(0)
                raise PostroomError(_said("psql", said.read()))


def _read_into(out: BinaryIO, file: Path) -> None:
    """Write a copy as statements."""
    command = [_found("pg_restore"), *_PLAIN, "--file=-", str(file)]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, stderr=said
        ) as reading,
    ):
        shutil.copyfileobj(cast(BinaryIO, reading.stdout), out, _CHUNK)
        if reading.wait():
            said.seek(0)
            raise PostroomError(_said("pg_restore", said.read()))


def _drops(tables: Sequence[str]) -> bytes:
    return "".join(f'DROP TABLE IF EXISTS "{name}" CASCADE;\n' for name in tables).encode()


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise SettingsError(
            f"{program} is not there: install PostgreSQL's programs (Debian: postgresql-client)"
        )
    return path


def _said(program: str, stderr: bytes) -> str:
    """Its first words; they name no password."""
    lines = stderr.decode(errors="replace").split("\n")
    first = next((line for line in lines if "rror" in line or "atal" in line.lower()), lines[0])
    return f"{program}: {first.strip() or 'it ended without a word'}"
