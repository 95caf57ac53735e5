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


@pytest.fixture(autouse=True)
def _every_answer_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flask, "test_client_class", CheckedClient)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Caller]:
    db = Database(tmp_path / "postroom.sqlite")
    storage = open_storage("sqlite", tmp_path / "mails.sqlite")
    app = create_app(db, storage)
    yield Caller(app, db, storage)
    db.close()
    storage.close()
