"""Mails that the master puts off are not downloaded before their time."""

from collections.abc import Iterator
from typing import Any

import pytest

from postroom import wire
from provider import passes
from provider.later import Later
from tests.servers.scripted_imap import ScriptedImap
from tests.stubs.rig import Rig, imap, mail
from tests.waiting import wait_until

PLACE = {"mailbox": "work", "folder": "INBOX"}


@pytest.fixture
def server() -> Iterator[ScriptedImap]:
    with ScriptedImap({uid: mail(uid) for uid in range(1, 6)}) as server:
        yield server


def put_off(rig: Rig, key: int, after: float, times: int = 1_000) -> None:
    """Let the master take all of a push but that one."""
    left = [times]

    def before(envelope: wire.Envelope) -> Any:
        if not isinstance(envelope.request, wire.Push) or not left[0]:
            return None
        answer = rig.master.answer(envelope)
        for at, item in enumerate(answer.items):
            if item.key == key:
                left[0] -= 1
                del rig.master.held[next(p for p in rig.master.held if p.key == key)]
                answer.items[at] = wire.ItemReply(key=key, status="retry", after=after)
        return answer

    rig.master.before = before


def test_a_mail_put_off_for_long_is_downloaded_once_however_often_it_is_wanted(
    rig: Rig, server: ScriptedImap
):
    put_off(rig, 3, 600)

    rig.serve(imap(server, poll_seconds=0.05))

    wait_until(lambda: len(rig.master.receipts) >= 5)
    assert server.given == dict.fromkeys(range(1, 6), 1)
    assert {receipt.missing for receipt in rig.master.receipts} == {1}


def test_a_request_put_off_for_long_is_not_downloaded_again(rig: Rig, server: ScriptedImap):
    rig.master.before = lambda e: (
        wire.Retry(after=600, reason="closed today") if isinstance(e.request, wire.Push) else None
    )

    # It has its sleep of seconds, as the master said that it takes nothing.
    rig.serve(imap(server, poll_seconds=0.05))

    wait_until(lambda: len(rig.master.receipts) >= 3, seconds=30)
    assert server.given == dict.fromkeys(range(1, 6), 1)


def test_it_comes_when_its_time_is_over_and_no_look_is_due(
    rig: Rig, server: ScriptedImap, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passes, "AGAIN_SECONDS", 0.0)
    put_off(rig, 3, 1.0, times=1)

    rig.serve(imap(server, poll_seconds=60))

    wait_until(lambda: len(rig.master.raws()) == 5)
    assert server.given[3] == 2


def test_a_task_to_fetch_it_does_not_wait(rig: Rig, server: ScriptedImap):
    put_off(rig, 3, 600, times=1)
    rig.serve(imap(server, poll_seconds=0.05))
    wait_until(lambda: rig.master.receipts)

    target = {"folder": "INBOX", "key": 3}
    rig.master.tasks.append(wire.Task(id=1, kind="fetch", target=target))

    wait_until(lambda: len(rig.master.raws()) == 5)


def test_what_is_remembered_is_bounded():
    later = Later(most=100)

    for key in range(1_000):
        later.put_off(PLACE, key, 600)

    assert len(later) == 100
    assert later.left(PLACE, 1) > 0
    assert later.left(PLACE, 999) == 0


def test_what_is_due_makes_room():
    later = Later(most=1)
    later.put_off(PLACE, 1, 0)
    wait_until(lambda: not later.left(PLACE, 1))

    later.put_off(PLACE, 2, 600)

    assert later.left(PLACE, 2) > 0


def test_the_same_key_elsewhere_was_not_put_off():
    later = Later()
    later.put_off(PLACE, 1, 600)

    assert later.left({**PLACE, "folder": "Archive"}, 1) == 0


def test_the_soonest_is_told():
    later = Later()
    assert later.soonest() is None

    later.put_off(PLACE, 1, 600)
    later.put_off(PLACE, 2, 60)
    later.put_off(PLACE, 3, 0)

    soonest = later.soonest()
    assert soonest is not None
    assert 0 < soonest <= 60
