"""One browser for all tests of a worker, one seeded API for a module's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser

from api.access import guessing
from api.web import signing
from tests.conftest import need
from tests.web import browser
from tests.web.browser import Window
from tests.web.world import World


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    need(browser.CHROMIUM)
    with browser.started() as found:
        yield found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    found = World(tmp_path_factory.mktemp("world"))
    try:
        yield found.seed()
    finally:
        found.close()


@pytest.fixture
def window(chromium: Browser, world: World, tmp_path: Path) -> Iterator[Window]:
    """A window of a browser that was never here; there are no users."""
    world.without_users()
    found = Window(chromium, world.address, browser.pictures_folder(tmp_path))
    yield found
    found.close()


@pytest.fixture
def client(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """A browser without a screen; nobody has guessed yet, and there are no users."""
    monkeypatch.setattr(signing, "_guesses", guessing.Guesses())
    world.without_users()
    yield world.app.test_client()
    world.without_users()
