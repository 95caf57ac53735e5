"""Webhooks from the event log to a real receiver, by real runners."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.long import one_in
from tests.servers.receiver import Receiver
from tests.servers.scripting import Scripting
from tests.waiting import wait_until


def mails(count: int) -> list[dict[str, Any]]:
    return [
        {"mailbox": "work", "folder": "in", "uid": n, "subject": f"m {n}"}
        for n in range(1, count + 1)
    ]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Callable[..., Scripting]]:
    made: list[Scripting] = []

    def make(**runner: Any) -> Scripting:
        made.append(Scripting(tmp_path, webhook_private="yes", **runner))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    made = [Receiver(), Receiver()]
    yield made
    for each in made:
        each.close()


def add(here: Scripting, receiver: Receiver, **told: Any) -> dict[str, Any]:
    told = {"url": receiver.url, "kinds": ["mail.*"], **told}
    return dict(here.order("/v1/webhooks", told))


@pytest.mark.parametrize("count", one_in(2, [60, 300]))
def test_one_that_hangs_slows_nobody_and_two_runners_send_nothing_twice(house, receivers, count):
    good, bad = receivers
    bad.answer = bad.hang
    here = house()
    secret = add(here, good)["secret"]
    add(here, bad)
    here.post("/api", mails(count))
    here.run_scripts("one")
    here.run_scripts("two")

    wait_until(lambda: len(good.got) >= count, 120, "all events to come")

    assert good.events == sorted(set(good.events))
    assert len(good.got) == count
    assert len(bad.got) == 1
    logs = here.log("one") + here.log("two") + here.log("api")
    assert secret not in logs
    assert "hidden-in-the-address" not in logs


def test_what_a_killed_runner_did_not_acknowledge_comes_again_under_its_id(house, receivers):
    first, _ = receivers
    first.answer = first.hang
    here = house(lease_seconds=3)
    add(here, first)
    here.post("/api", mails(1))
    here.run_scripts("one")
    wait_until(lambda: first.got, 60, "the event to come")

    here.kill("one")
    first.answer = lambda _: (204, {})
    here.run_scripts("two")

    wait_until(lambda: len(first.got) == 2, 60, "the event to come again")
    assert len(set(first.events)) == 1
    assert first.got[0].body == first.got[1].body
