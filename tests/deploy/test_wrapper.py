"""deploy/postroom as an init script: start, status, restart, stop, and what it says of the dead."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.house import House
from tests.waiting import wait_until


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path, POSTROOM_DAEMONS="api provider", POSTROOM_FROZEN_SECONDS=60)
    yield house
    house.postroom("stop")
    house.postroom("stop", "provider", "work")


def test_it_starts_tells_restarts_and_stops(house):
    assert house.postroom("status") == (3, "api does not run\nprovider does not run\n")
    assert house.postroom("start")[0] == 0
    api, provider = house.pid("api"), house.pid("provider")
    wait_until(house.api_answers, 60, "the API")
    assert house.postroom("status") == (
        0,
        f"api runs, process {api}\nprovider runs, process {provider}\n",
    )

    house.signal("provider", signal.SIGKILL)
    wait_until(lambda: house.postroom("status")[0] == 1, 60, "the provider's end")
    assert house.postroom("start")[0] == 0
    assert house.pid("provider") not in (0, provider)
    assert house.pid("api") == api

    provider = house.pid("provider")
    assert house.postroom("restart", "provider")[0] == 0
    assert house.pid("provider") not in (0, provider)
    assert house.postroom("stop") == (0, "provider stopped\napi stopped\n")
    assert house.postroom("stop")[0] == 0
    assert list(house.run_dir.iterdir()) == []


def test_a_frozen_daemon_is_told_and_ended(house):
    house.environment |= {"POSTROOM_STOP_SECONDS": "1"}
    house.postroom("start", "provider")
    pid = house.signal("provider", signal.SIGSTOP)
    os.utime(house.run_dir / "provider.pid", (0, 0))

    assert house.postroom("status", "provider")[0] == 4
    assert house.postroom("restart", "provider")[0] == 0
    assert house.pid("provider") not in (0, pid)


def test_several_providers_run_by_their_names(house):
    status, told = house.postroom("start", "provider", "work")

    assert (status, told) == (0, f"provider-work started, process {house.pid('provider-work')}\n")
    assert "process" in house.postroom("status", "provider", "work")[1]


def test_it_does_without_start_stop_daemon(house, tmp_path):
    # given: nothing but what POSIX has
    names = "cat date dirname mkdir nohup ps rm sh sleep stat tail tr"
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in names.split():
        (tools / name).symlink_to(str(shutil.which(name)))
    house.environment |= {"POSTROOM_TOOL_PATH": str(tools)}

    assert house.postroom("start", "provider", path=str(tools))[0] == 0
    assert house.postroom("stop", "provider", path=str(tools)) == (0, "provider stopped\n")


def test_what_does_not_start_says_why(house):
    status, told = house.postroom("start", "provider", "nobody")

    assert status == 1
    assert told.splitlines()[-1] == house.told("provider-nobody").splitlines()[-1]
    assert "nobody" in told.splitlines()[-1]


@pytest.mark.parametrize("words", [(), ("begin",), ("start", "postman"), ("start", "api", "work")])
def test_what_it_does_not_know_is_told_with_its_usage(house, words):
    status, told = house.postroom(*words)

    assert status == 2
    assert "Usage" in told
