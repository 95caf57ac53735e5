"""Lanes: every request is answered in the end, by its own answer, however the master behaves."""

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postroom import wire
from postroom.errors import RefusedError, TemporaryError, WireError
from postroom.sockets import Lanes
from postroom.sockets.lane import Patience
from tests.servers.ports import free_port
from tests.servers.small_master import SmallMaster, stored
from tests.waiting import wait_until

HELLO = wire.Hello(mailbox="work", kind="imap", fingerprint="f", interval=10, version="1")
PLACE: dict[str, Any] = {"mailbox": "work", "epoch": 1, "folder": "INBOX", "uidvalidity": 7}


def push(*keys, body=b"mail"):
    items = [wire.Item(key=key, length=len(body)) for key in keys]
    return wire.Push(**PLACE, items=items), [body] * len(keys)


@pytest.fixture
def stop():
    return threading.Event()


@pytest.fixture
def lanes_to(stop):
    opened = []

    def make(address, **options):
        given = {"lanes": 1, "reconnect_seconds": 0.4, **options}
        opened.append(Lanes(address, stop=stop, **given))
        return opened[-1]

    yield make
    for lanes in opened:
        lanes.close()


@pytest.fixture
def master():
    with SmallMaster() as running:
        yield running


def test_every_command_gets_its_typed_reply(master, lanes_to):
    lanes = lanes_to(master.address)

    assert lanes.ask(HELLO).epoch == 1
    assert lanes.ask(wire.Offer(**PLACE)) == wire.OfferReply(id=master.ids()[1])
    assert lanes.ask(wire.Part(upload="0" * 32, offset=3), [b"abc"]).received == 6
    assert [item.key for item in lanes.ask(*push(1, "b")).items] == [1, "b"]
    assert lanes.ask(wire.Pass(**PLACE)).tasks == []
    assert lanes.connected.is_set()


def test_several_requests_are_under_way_at_once(master, lanes_to):
    lanes = lanes_to(master.address, lanes=3)
    held: list[wire.Envelope] = []
    master.answer = held.append

    for key in (1, 2, 3):
        lanes.submit(*push(key))

    wait_until(lambda: len(held) == 3, what="three requests in the master's hands")


def test_retry_and_refusal_come_as_errors_that_say_what_to_do(master, lanes_to):
    lanes = lanes_to(master.address)

    master.answer = lambda envelope: wire.Retry(after=7.5, reason="busy")
    with pytest.raises(TemporaryError, match="busy") as later:
        lanes.ask(HELLO)
    master.answer = lambda envelope: wire.Refusal(code="no", message="never")
    with pytest.raises(RefusedError, match="never") as never:
        lanes.ask(HELLO)

    assert (later.value.after, never.value.code) == (7.5, "no")


def test_what_no_message_can_hold_is_refused_before_it_is_sent(master, lanes_to):
    lanes = lanes_to(master.address)

    with pytest.raises(WireError, match="over the limit"):
        lanes.ask(*push(1, body=bytes(wire.MAX_MESSAGE)))

    assert lanes.ask(HELLO).epoch == 1


def test_an_unreachable_master_is_tried_for_ever_and_said_once(lanes_to, caplog):
    caplog.set_level(logging.INFO)
    port = free_port()
    lanes = lanes_to(f"tcp://127.0.0.1:{port}", lanes=2, reconnect_seconds=0.1)
    answers = [lanes.submit(HELLO), lanes.submit(*push(1))]
    wait_until(lambda: "no answer from Master" in caplog.text)
    assert not lanes.connected.is_set()

    with SmallMaster(port):
        done = wait(answers, 10).done

    assert len(done) == 2
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        f"Slave: no answer from Master at tcp://127.0.0.1:{port}, trying again every 0.1 s",
        f"Slave: Master at tcp://127.0.0.1:{port} answers again",
    ]


def test_a_silent_master_is_asked_again_with_the_same_id(master, lanes_to):
    lanes = lanes_to(master.address, resend_seconds=0.3)
    master.answer = lambda envelope: stored(envelope) if len(master.seen) == 3 else None

    lanes.ask(HELLO)

    assert len(master.seen) == 3
    assert len(set(master.ids())) == 1


def test_a_master_that_restarts_with_the_request_in_hand_gets_it_again_at_once(lanes_to):
    with SmallMaster(answer=lambda envelope: None) as first:
        lanes = lanes_to(first.address, resend_seconds=600, reconnect_seconds=600)
        answer = lanes.submit(HELLO)
        wait_until(lambda: first.seen)
    with SmallMaster(first.port) as second:
        assert answer.result(10).epoch == 1

    assert set(second.ids()) == set(first.ids())


def test_an_idle_lane_notices_a_restart(lanes_to):
    with SmallMaster() as first:
        lanes = lanes_to(first.address, resend_seconds=600, reconnect_seconds=600)
        lanes.ask(HELLO)
    with SmallMaster(first.port):
        assert lanes.submit(HELLO).result(10).epoch == 1


def test_a_late_answer_is_not_taken_for_that_to_the_next_request(master, lanes_to):
    """REQ_RELAXED without REQ_CORRELATE would acknowledge the wrong mail."""
    lanes = lanes_to(master.address, resend_seconds=0.2)
    late: list[wire.Envelope] = []

    def slow(envelope):
        if envelope.request.items[0].key == 1 and len(late) < 2:
            late.append(envelope)
            return None
        return stored(envelope)

    master.answer = slow
    first, second = lanes.submit(*push(1)), lanes.submit(*push(2))

    assert [first.result(10).items[0].key, second.result(10).items[0].key] == [1, 2]
    assert len(late) == 2


def odd_answers():
    other = wire.PushReply(items=[wire.ItemReply(key=9, status="stored")])
    return {
        "the id of another request": lambda e: wire.encode_reply(stored(e), "f" * 32),
        "the keys of other items": lambda e: wire.encode_reply(other, e.id),
        "fewer items": lambda e: wire.encode_reply(wire.PushReply(items=[]), e.id),
        "another kind": lambda e: wire.encode_reply(wire.PartReply(received=1), e.id),
        "rubbish": lambda e: [b"rubbish"],
        "no frames": lambda e: [b""],
    }


@pytest.mark.parametrize("answer", odd_answers().values(), ids=odd_answers().keys())
def test_an_answer_that_cannot_be_ours_decides_nothing(master, lanes_to, answer):
    lanes = lanes_to(master.address)
    master.answer = answer

    assert isinstance(lanes.submit(*push(1)).result(10), wire.Retry)

    master.answer = stored
    assert lanes.ask(*push(1)).items[0].status == "stored"


def test_items_in_another_order_are_not_taken_for_ours(master, lanes_to):
    lanes = lanes_to(master.address)

    def turned(envelope):
        reply = stored(envelope)
        assert isinstance(reply, wire.PushReply)
        return msgspec.structs.replace(reply, items=reply.items[::-1])

    master.answer = turned
    assert isinstance(lanes.submit(*push(1, 2)).result(10), wire.Retry)


def test_the_stop_event_ends_waiting_and_queued_requests(lanes_to, stop):
    lanes = lanes_to(f"tcp://127.0.0.1:{free_port()}")
    answers = [lanes.submit(HELLO), lanes.submit(HELLO)]

    stop.set()
    lanes.close()

    for answer in [*answers, lanes.submit(HELLO)]:
        with pytest.raises(TemporaryError, match="stopped"):
            answer.result(10)


def test_a_large_request_is_given_more_time_than_a_small_one():
    patience = Patience(resend_seconds=60)

    assert patience.reply_seconds([b"x"]) == pytest.approx(60, abs=0.1)
    assert patience.reply_seconds([bytes(4_000_000)]) == pytest.approx(100)


FROZEN = """
import sys, time
from tests.servers.small_master import SmallMaster
with SmallMaster(int(sys.argv[1])):
    print("up", flush=True)
    sys.stdin.read()
"""


def test_a_frozen_master_answers_when_it_is_thawed(lanes_to):
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-c", FROZEN, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        try:
            lanes = lanes_to(f"tcp://127.0.0.1:{port}", resend_seconds=0.2, reconnect_seconds=0.2)
            lanes.ask(HELLO)
            os.kill(process.pid, signal.SIGSTOP)
            wait_until(lambda: is_stopped(process.pid), what="the master to freeze")
            answer = lanes.submit(HELLO)
            assert not wait([answer], 1).done

            os.kill(process.pid, signal.SIGCONT)

            assert answer.result(20).epoch == 1
        finally:
            # Nobody waits for a frozen one, whatever failed.
            process.kill()


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def open_files():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_no_socket_leaks_while_the_master_is_away(stop):
    before = open_files()
    lanes = Lanes(f"tcp://127.0.0.1:{free_port()}", stop=stop, reconnect_seconds=0.05)
    answers = [lanes.submit(HELLO) for _ in range(4)]
    # Some tries long: by then every lane has its sockets.
    assert not wait(answers, 0.5).done
    settled = open_files()
    assert not wait(answers, 1).done
    assert open_files() <= settled + 8

    lanes.close()

    wait_until(lambda: open_files() <= before, what="all files closed")
