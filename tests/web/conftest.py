"""One browser for all tests of a worker, one seeded API for a module's."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser

from api.access import guessing, users
from api.web import signing
from tests.conftest import need
from tests.web import browser
from tests.web.browser import Window
from tests.web.world import QUICK, World


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    need(browser.CHROMIUM)
    with browser.started() as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """A hash that takes long would take most of the time of who signs in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "METHOD", QUICK)
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    found = World(tmp_path_factory.mktemp("world"))
    try:
        yield found.seed()
    finally:
        found.close()


@pytest.fixture(scope="session")
def _window(chromium: Browser) -> Window:
    return Window(chromium)


@pytest.fixture
def window(_window: Window, world: World) -> Iterator[Window]:
    """A window of a browser that was never here; there are no users."""
    world.without_users()
    _window.begin(world.address)
    yield _window
    _window.end()


@pytest.fixture(scope="session")
def _plain_window(chromium: Browser) -> Window:
    return Window(chromium, java_script=False)


@pytest.fixture
def plain_window(_plain_window: Window, world: World) -> Iterator[Window]:
    """The same without JavaScript."""
    world.without_users()
    _plain_window.begin(world.address)
    yield _plain_window
    _plain_window.end()


@pytest.fixture
def client(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """A browser without a screen; nobody has guessed yet, and there are no users."""
    monkeypatch.setattr(signing, "_guesses", guessing.Guesses())
    world.without_users()
    yield world.app.test_client()
    world.without_users()
