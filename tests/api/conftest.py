"""The API on a real database and a real store, asked through WSGI."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from api.app import create_app
from api.database import Database
from postroom.storage import open_storage
from tests.api.caller import Caller
from tests.api.document import CheckedClient
from tests.api.scripter import Scripter
from tests.api.watcher import Watcher


@pytest.fixture(autouse=True)
def _every_answer_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flask, "test_client_class", CheckedClient)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Caller]:
    db = Database(tmp_path / "postroom.sqlite")
    storage = open_storage("sqlite", tmp_path / "mails.sqlite")
    files = open_storage("directory", tmp_path / "files")
    app = create_app(db, storage, files=files)
    caller = Caller(app, db, storage, files)
    yield caller
    db.close()
    # A test may have put another in its place.
    caller.storage.close()
    storage.close()


@pytest.fixture
def watcher(api: Caller) -> Watcher:
    return Watcher(api)


@pytest.fixture
def scripter(api: Caller) -> Scripter:
    return Scripter(api)
