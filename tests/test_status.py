"""What needs attention is shown, and told by the exit status."""

import json

import pytest

from tests.servers.commands import run
from tests.servers.daemons import Daemons


@pytest.fixture
def daemons(tmp_path):
    running = Daemons(tmp_path, {"work": {"source": "maildir", "path": "Maildir"}})
    yield running
    running.close()


def test_sources_are_shown_and_an_api_that_is_away_is_named(daemons, tmp_path):
    away = run(tmp_path, "postroom", "status")
    daemons.start("api")
    fine = run(tmp_path, "postroom", "status")
    told = run(tmp_path, "postroom", "status", "--json")

    assert away.returncode == 3
    assert "start the API" in away.stderr
    assert fine.returncode == 0, fine.stderr
    assert "mailbox work" in fine.stdout
    assert json.loads(told.stdout)["attention"] == []
