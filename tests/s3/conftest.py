"""Stores in S3: on a real server, and on one that can be told what to do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postroom import settings
from postroom.settings import Config
from postroom.storage import open_mails
from postroom.storage.s3 import S3Storage
from tests.servers.scripted_s3 import ScriptedS3
from tests.servers.swift import Swift


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Config]:
    """Writes a config.ini that keeps all in S3."""

    def write(text: str) -> Config:
        file = tmp_path / "config.ini"
        file.write_text("[storage]\nmails = s3\nfiles = s3\n" + text)
        return settings.load(file)

    return write


@pytest.fixture
def opened(write: Callable[[str], Config], tmp_path: Path) -> Iterator[Callable[..., S3Storage]]:
    """Opens the mails' store of an S3 server, with more keys of [storage s3] as they are given."""
    stores: list[S3Storage] = []

    def opened(server: Swift | ScriptedS3, **options: str) -> S3Storage:
        if isinstance(server, Swift):
            text = server.section(tmp_path.name, **options)
        else:
            lines = {"endpoint": server.endpoint, "bucket": "b", **options}
            text = "[storage s3]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items())
        store = open_mails(write(text))
        assert isinstance(store, S3Storage)
        stores.append(store)
        return store

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    """An S3 with moods; any keys open it."""
    monkeypatch.setenv("POSTROOM_S3_ACCESS_KEY", "any")
    monkeypatch.setenv("POSTROOM_S3_SECRET_KEY", "any")
    server = ScriptedS3()
    yield server
    server.close()
