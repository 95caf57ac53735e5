"""How much a provider sends before it hears an answer, and how long it pauses."""

import threading
from pathlib import Path

import pytest

from postroom import settings
from postroom.backoff import REFUSED, TEMPORARY, Backoff
from postroom.errors import SourceError, TemporaryError
from provider import shared
from provider.budget import Budget


def test_the_budget_makes_wait_until_there_is_room():
    budget = Budget(100, 10, threading.Event())
    inside = threading.Event()

    def want() -> None:
        with budget.room(60):
            inside.set()

    budget.sent(50)
    thread = threading.Thread(target=want)
    thread.start()
    assert not inside.wait(0.1)

    budget.answered(50)

    assert inside.wait(5)
    thread.join()


def test_the_budget_lets_a_mail_larger_than_all_of_it_pass():
    budget = Budget(100, 10, threading.Event())

    with budget.room(1_000):
        pass


def test_parts_of_large_mails_leave_half_of_the_budget_to_all_others():
    stop = threading.Event()
    budget = Budget(100, 10, stop)
    with budget.room(1_000, large=True):
        stop.set()

        with pytest.raises(TemporaryError), budget.room(1, large=True):
            pass
        with budget.room(50):
            pass


def test_who_waits_for_room_ends_when_told_to_stop():
    stop = threading.Event()
    budget = Budget(100, 10, stop)
    budget.sent(100)
    stop.set()

    with pytest.raises(TemporaryError), budget.room(1):
        pass


def test_many_mailboxes_of_a_lost_server_do_not_come_back_together_and_all_within_a_minute():
    crowd = [Backoff(spread_seconds=10) for _ in range(200)]

    first = sorted(backoff.pause(TemporaryError("away", 0)) for backoff in crowd)
    for backoff in crowd:
        last = max(backoff.pause(TemporaryError("away", 0)) for _ in range(12))
        assert last <= 30

    assert first[0] < 3
    assert 7 < first[-1] <= 10


def test_many_mailboxes_send_their_signs_of_life_more_rarely(tmp_path: Path):
    (tmp_path / "config.ini").touch()
    config = settings.load(tmp_path / "config.ini")

    with shared.opened(config, threading.Event(), 10) as few:
        assert few.heartbeat_seconds == 10
    with shared.opened(config, threading.Event(), 500) as many:
        assert many.heartbeat_seconds == 25
        assert many.spread_seconds == 10


def test_pauses_grow_to_a_bound_and_obey_the_server():
    temporary, refused = Backoff(), Backoff()

    pauses = [temporary.pause(TemporaryError("away", 0)) for _ in range(12)]
    long = [refused.pause(SourceError("password")) for _ in range(12)]

    assert pauses[0] <= TEMPORARY[0]
    assert TEMPORARY[1] / 2 <= pauses[-1] <= TEMPORARY[1]
    assert REFUSED[1] / 2 <= long[-1] <= REFUSED[1]
    assert temporary.pause(TemporaryError("throttled", 300)) == 300
    temporary.reset()
    assert temporary.pause(TemporaryError("away", 0)) <= TEMPORARY[0]
