"""A worker's pipeline: real store, real spool, an API behind real HTTP."""

from typing import Any

import pytest

from master.orders import Order
from master.pipeline import Pipeline
from master.sinks import open_sinks
from master.spool import Spool
from postroom import settings, wire
from postroom.api_client import ApiClient
from postroom.storage import open_storage
from tests.pipeline.orders import MAIL_BYTES, parse
from tests.servers.stub_api import StubApi


@pytest.fixture
def api():
    stub = StubApi()
    yield stub
    stub.close()


@pytest.fixture
def make(api, tmp_path):
    opened: list[Any] = []

    def pipeline(sinks=("api",), url=""):
        client = ApiClient(url or api.url)
        storage = open_storage("sqlite", tmp_path / "mails.sqlite")
        opened.extend([client, storage])
        config = settings.Config(tmp_path / "config.ini")
        spool = Spool(tmp_path / "spool", MAIL_BYTES)
        limits = wire.Limits(mail_bytes=MAIL_BYTES, batch_items=5)
        return Pipeline(client, storage, open_sinks(sinks, config, client), spool, parse, limits)

    yield pipeline
    for one in opened:
        one.close()


@pytest.fixture
def pipeline(make):
    return make()


@pytest.fixture
def answer(pipeline):
    def ask(asked, order=None):
        return pipeline.answer(asked, order or Order(), lambda: None)

    return ask
