"""The API on a real database and a real store, asked through WSGI."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from api.app import create_app
from api.backups.backupfolder import BackupFolder
from api.database import Database
from postroom.storage import open_storage
from tests.api.caller import Caller
from tests.api.document import CheckedClient
from tests.api.scripter import Scripter
from tests.api.watcher import Watcher
from tests.conftest import need
from tests.databases import new_sqlite, open_new, shall_run
from tests.servers import postgres as postgres_server


@pytest.fixture(autouse=True)
def _every_answer_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flask, "test_client_class", CheckedClient)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What touches the database runs on both; see tests.databases for how often."""
    if "db" not in metafunc.fixturenames:
        return
    name = f"{metafunc.module.__name__}.{metafunc.function.__name__}"
    marks = [] if shall_run(name, metafunc.config) else [pytest.mark.long]
    kinds: list[Any] = ["sqlite"]
    if "sqlite_only" not in {mark.name for mark in metafunc.definition.iter_markers()}:
        kinds.append(pytest.param("postgresql", marks=marks))
    metafunc.parametrize("db", kinds, indirect=True)


@pytest.fixture
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A new database of either kind."""
    if getattr(request, "param", "sqlite") == "sqlite":
        db = new_sqlite(tmp_path)
        yield db
        db.close_all()
        return
    need(postgres_server.BIN / "initdb")
    with open_new(request.getfixturevalue("postgres"), tmp_path) as db:
        yield db


@pytest.fixture
def api(tmp_path: Path, db: Database) -> Iterator[Caller]:
    storage = open_storage("sqlite", tmp_path / "mails.sqlite")
    files = open_storage("directory", tmp_path / "files")
    app = create_app(db, storage, files=files)
    caller = Caller(app, db, storage, files)
    yield caller
    # A test may have put another in its place.
    caller.storage.close()
    storage.close()


@pytest.fixture
def watcher(api: Caller) -> Watcher:
    return Watcher(api)


@pytest.fixture
def scripter(api: Caller) -> Scripter:
    return Scripter(api)


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    """A folder that has no backup yet."""
    return BackupFolder.made(tmp_path / "backup")
