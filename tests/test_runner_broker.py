"""Messages that cannot be carried out, and what the rows hear of them; with a real RabbitMQ."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from postroom import runs
from postroom.errors import TemporaryError
from postroom.runner_client import WaitingRun
from postroom.settings import Runner
from runner import broker
from runner.dispatch import Next, Taken
from tests.servers.rabbit import Rabbit
from tests.waiting import wait_until

CLAIMED = runs.ClaimedRun(
    run=5, claim="c", attempt=1, lease_until="", script="a", version=1, source=""
)


class Api:
    """An API with one run that waits, whose claim fails so many times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        #: How often the word of a dead letter is not heard.
        self.dead_refusals = 1
        self.asked: list[runs.ClaimRuns] = []
        self.dead: list[runs.DeadLetter] = []

    def waiting(self) -> list[WaitingRun]:
        return [WaitingRun(id=5, phase="waiting")] if not self.dead else []

    def claim_runs(self, asked: runs.ClaimRuns) -> list[runs.ClaimedRun]:
        self.asked.append(asked)
        if len(self.asked) <= self.failures:
            raise TemporaryError("the API at here does not answer")
        return [CLAIMED]

    def dead_letter(self, run: int, told: runs.DeadLetter) -> None:
        if not self.dead_refusals:
            self.dead.append(told)
            return
        self.dead_refusals -= 1
        raise TemporaryError("the API at here does not answer")


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    stop = threading.Event()
    yield stop
    stop.set()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "RETRIES", 1)
    monkeypatch.setattr(broker, "_MIN_BACKOFF_MS", 10)
    monkeypatch.setattr(broker, "_TRIES", 2)
    monkeypatch.setattr(broker, "_ASKING", (0.01, 0.01))


def started(rabbit: Rabbit, api: Api, stop: threading.Event, carried: list[int]) -> Any:
    shared: Any = SimpleNamespace(
        options=Runner(poll_seconds=0.05), client=api, stop=stop, worker="w"
    )

    def carry(taken: Taken, following: Next = lambda: None) -> None:
        del following
        carried.append(taken.run.run)

    made = broker.Broker(rabbit.fresh_url(), shared, carry)
    made.start()
    return made


def test_what_fails_once_is_tried_again(rabbit: Rabbit, stop: threading.Event):
    api, carried = Api(failures=3), list[int]()
    made = started(rabbit, api, stop, carried)

    wait_until(lambda: carried, 60, "the second try")
    stop.set()
    made.close()

    assert (carried, api.dead) == ([5], [])
    assert {asked.run for asked in api.asked} == {5}


def test_a_dead_message_is_told_in_the_run_s_row(rabbit: Rabbit, stop: threading.Event):
    api, carried = Api(failures=4), list[int]()
    made = started(rabbit, api, stop, carried)

    wait_until(lambda: api.dead, 60, "the word of its death")
    stop.set()
    made.close()

    (told,) = api.dead
    assert carried == []
    assert told.reason.startswith("the queue gave the run up after 2 tries: ")
    assert "does not answer" in told.reason
    assert told.after_seconds > 0
    queues = rabbit.ctl("list_queues", "-p", rabbit.vhost, "name", "messages")
    assert f"{broker.QUEUE}.XQ\t1" in queues
