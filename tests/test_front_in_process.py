"""The front in a thread of the test, with real workers: its own steps, one by one."""

import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from functools import partial

import pytest
import zmq

from master.front import Front
from master.queue import Limits
from master.staff import Staff, worker_command
from postroom import wire
from postroom.errors import SettingsError
from postroom.sockets import Lanes
from tests.servers import forked
from tests.servers.real_master import HELLO, RealMaster, deliver, environment, push
from tests.waiting import wait_until


@pytest.fixture
def master(tmp_path, monkeypatch):
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(subprocess, "Popen", forked.Forked)
    made = RealMaster(tmp_path).configure()
    yield made
    made.close()


@contextmanager
def running(master, **limits):
    """Yield the front and lanes to it."""
    front = Front(
        "127.0.0.1",
        0,
        worker_command(master.config, "warning"),
        workers=2,
        limits=Limits(**limits),
    )
    stop = threading.Event()
    thread = threading.Thread(target=front.run, args=(stop,))
    thread.start()
    lanes = Lanes(front.address, lanes=2, stop=master.stop)
    try:
        yield front, lanes
    finally:
        stop.set()
        thread.join()
        master.stop.set()
        lanes.close()


def test_requests_go_to_workers_and_answers_come_back(master):
    with running(master) as (_, lanes):
        assert lanes.ask(HELLO).epoch == 1
        assert lanes.ask(*push("one")).items[0].status == "stored"


def test_dead_and_hung_workers_are_replaced_and_their_mails_set_aside(master):
    with running(master, deadline_seconds=1) as (_, lanes):
        settled = deliver(lanes, *push("KILL", "two", "HANG"))

    assert [settled[key].status for key in (1, 2, 3)] == ["quarantined", "stored", "quarantined"]


def test_a_bad_request_is_answered_and_the_next_served(master):
    with running(master) as (front, lanes), zmq.Context() as context:
        with context.socket(zmq.REQ) as peer:
            peer.linger = 0
            peer.connect(front.address)
            peer.send_multipart([b"rubbish"])
            assert peer.poll(10_000)
            answer = wire.decode_reply(peer.recv_multipart(), wire.PassReply)
        assert isinstance(answer, wire.Refusal)
        assert answer.code == "bad_request"
        assert lanes.ask(HELLO).epoch == 1


def test_stopping_answers_what_is_in_hand(master):
    with running(master) as (_, lanes):
        answer = lanes.submit(*push("WAIT"))
        wait_until(master.parsed)
        master.open_gate()
    assert answer.done()


def died(staff, now):
    return list(staff.tick(now))


def test_a_worker_that_dies_at_its_start_is_tried_again_after_a_growing_pause(caplog):
    staff = Staff(lambda *_: ["false"], 1)
    now = 0.0
    for pause in ("0 s", "1 s", "2 s", "4 s", "8 s", "10 s", "10 s"):
        wait_until(partial(died, staff, now), what="a dead worker")
        assert caplog.messages[-1].endswith(f"another starts in {pause}")
        now += 10
    staff.close()


def test_a_worker_that_was_ready_is_replaced_at_once(caplog):
    staff = Staff(lambda *_: ["sleep", "60"], 1)
    for _ in range(3):
        list(staff.tick(0))
        (name,) = staff.names()
        staff.arrived(name)
        staff.kill(name, "test")
        assert list(staff.tick(0)) == [(name, False)]
        assert caplog.messages[-1].endswith("another starts in 0 s")
    assert name not in staff
    staff.close()
    assert staff.names() == []


def test_workers_that_do_not_end_by_themselves_are_killed():
    staff = Staff(lambda *_: ["sleep", "60"], 1)
    list(staff.tick(0))
    staff.kill("nobody", "test")
    process = staff._seats[0].process

    staff.close()

    assert process
    assert process.returncode == -signal.SIGKILL


def test_settings_that_no_worker_can_start_with_end_the_front():
    staff = Staff(lambda *_: ["sh", "-c", "exit 2"], 1)
    with pytest.raises(SettingsError):
        wait_until(lambda: list(staff.tick(0)))
    staff.close()


def test_a_worker_that_takes_no_work_is_replaced(master):
    """Its connection may be gone before its death is seen."""
    with running(master) as (front, lanes):
        lanes.ask(HELLO)
        for pid in pids_of(front):
            os.kill(pid, signal.SIGKILL)

        assert deliver(lanes, *push("one"))[1].status == "stored"


def pids_of(front: Front) -> list[int]:
    return [seat.process.pid for seat in front._staff._seats if seat.process]
