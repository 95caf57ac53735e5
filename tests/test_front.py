"""The front with real workers: whatever a mail, a worker or a peer does, the others go on."""

import os
import signal
import socket
import struct
import subprocess
from concurrent.futures import wait
from contextlib import contextmanager
from hashlib import sha256
from random import Random
from typing import Any

import msgpack
import pytest
import zmq

from master.pipeline import TWICE
from postroom import wire
from postroom.sockets import ClientKeys, keys
from tests.servers import forked
from tests.servers.commands import command
from tests.servers.real_master import HELLO, PLACE, ROOT, RealMaster, deliver, push
from tests.waiting import wait_until


@pytest.fixture
def master(tmp_path):
    running = RealMaster(tmp_path)
    yield running
    running.close()


@contextmanager
def dealer(master):
    with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
        peer.linger = 0
        peer.connect(master.address)
        yield peer


def test_mails_come_through_and_the_terminal_tells(master):
    lanes = master.start().lanes()

    assert lanes.ask(HELLO).epoch == 1
    reply = lanes.ask(*push("first", "second"))
    lanes.ask(wire.Pass(mailbox="work", **PLACE))

    assert [item.status for item in reply.items] == ["stored", "stored"]
    assert master.api.mails[2]["mail"]["subject"] == "second"
    master.await_log("Master: Slave work (imap) says hello")
    master.await_log("Filed: second (work)")
    master.await_log("Master: work/INBOX: no new mail")
    assert f"Master: listening on {master.address}" in master.log()


def test_work_that_takes_longer_than_the_resend_interval_runs_once(master):
    lanes = master.start().lanes(resend_seconds=0.1)
    answer = lanes.submit(*push("WAIT"))
    wait_until(master.parsed)
    assert not wait([answer], 1).done

    master.open_gate()

    assert answer.result(20).items[0].status == "stored"
    assert master.parsed() == ["WAIT"]
    assert master.api.batches == [1]


def test_all_who_ask_for_the_same_work_get_its_answer(master):
    master.start()
    frames = wire.encode_request(*push("WAIT"))
    with dealer(master) as peer:
        for label in (b"one", b"two", b"three"):
            peer.send_multipart([label, b"", *frames])
        wait_until(master.parsed)
        master.open_gate()
        answered = [peer.recv_multipart() for _ in range(3) if peer.poll(20_000)]
        peer.send_multipart([b"late", b"", *frames])
        answered.append(peer.recv_multipart())

    assert [frames[0] for frames in answered] == [b"one", b"two", b"three", b"late"]
    assert len({tuple(frames[2:]) for frames in answered}) == 1
    assert master.parsed() == ["WAIT"]


def test_one_hung_worker_delays_nobody_else(master):
    master.start(workers=3)
    lanes = master.lanes(lanes=2)
    hung = lanes.submit(*push("HANG"))
    wait_until(master.parsed)

    for number in range(50):
        reply = lanes.ask(*push(f"mail {number}", first=number + 2))
        assert reply.items[0].status == "stored"

    assert not hung.done()


def test_a_hung_worker_is_killed_at_its_deadline_and_its_mail_set_aside_in_the_end(master):
    lanes = master.start(deadline_seconds=1).lanes()

    settled = deliver(lanes, *push("one", "HANG", "three"))

    assert [settled[key].status for key in (1, 2, 3)] == ["stored", "quarantined", "stored"]
    assert settled[2].reason == TWICE or master.api.mails[2]["reason"] == TWICE
    assert master.parsed().count("HANG") == 2
    assert "killed: it is past its deadline" in master.log()


@pytest.mark.parametrize("death", ["KILL", "MEMORY"])
def test_a_mail_that_kills_its_worker_ends_in_quarantine_and_its_batch_goes_on(master, death):
    lanes = master.start().lanes()

    settled = deliver(lanes, *push("one", "two", death, "four", "five"))

    assert [settled[key].status for key in range(1, 6)] == [
        *("stored", "stored", "quarantined", "stored", "stored")
    ]
    killer = master.api.mails[3]
    assert (killer["outcome"], killer["stage"], killer["reason"]) == ("quarantined", "parse", TWICE)
    assert len(killer["sha256"]) == 64
    assert master.parsed().count(death) == 2


def test_several_killers_in_one_batch_are_found_one_by_one(master):
    lanes = master.start().lanes()

    settled = deliver(lanes, *push("KILL 1", "two", "KILL 3", "four"))

    assert [settled[key].status for key in range(1, 5)] == [
        *("quarantined", "stored", "quarantined", "stored")
    ]


def test_workers_killed_at_random_lose_nothing_and_blame_nobody(master):
    lanes = master.start().lanes(lanes=4)
    random = Random(5)
    settled: dict[Any, wire.ItemReply] = {}
    for first in range(1, 200, 20):
        mails = push(*(f"m{number}" for number in range(20)), first=first)
        under_way = lanes.submit(*mails)
        wait([under_way], random.uniform(0, 0.05))
        for pid in master.workers()[:1]:
            os.kill(pid, signal.SIGKILL)
        settled |= deliver(lanes, *mails)

    assert sorted(master.api.mails) == sorted(settled) == list(range(1, 201))
    assert {item.status for item in settled.values()} <= {"stored", "duplicate"}


def test_a_frozen_worker_is_replaced(master):
    lanes = master.start(workers=1, deadline_seconds=1).lanes()
    lanes.ask(HELLO)
    (frozen,) = master.workers()
    os.kill(frozen, signal.SIGSTOP)

    assert isinstance(lanes.submit(*push("one")).result(20), wire.Retry)

    assert deliver(lanes, *push("one"))[1].status == "stored"
    assert frozen not in master.workers()


def test_a_mail_given_to_two_frozen_workers_that_never_took_it_is_stored(master):
    lanes = master.start(deadline_seconds=1).lanes()
    lanes.ask(HELLO)
    for pid in master.workers():
        os.kill(pid, signal.SIGSTOP)

    assert deliver(lanes, *push("one"))[1].status == "stored"


PEER = """
import sys, threading
from tests.servers.real_master import HELLO
from postroom.sockets import Lanes
lanes = Lanes(sys.argv[1], stop=threading.Event(), lanes=1)
lanes.ask(HELLO)
print("up", flush=True)
while True:
    lanes.ask(HELLO)
"""


def test_a_frozen_peer_disturbs_nobody(master):
    master.start()
    with forked.Forked(
        command("tests.run_script", PEER, master.address), stdout=subprocess.PIPE, cwd=ROOT
    ) as peer:
        assert peer.stdout
        assert peer.stdout.readline() == b"up\n"
        os.kill(peer.pid, signal.SIGSTOP)

        lanes = master.lanes()
        for number in range(20):
            assert lanes.ask(*push(f"mail {number}", first=number + 1)).items

        peer.kill()


def bombs():
    lie = b"\xdd\xff\xff\xff\xff"
    start = b"\x83\xa2id\xd9\x20" + b"0" * 32 + b"\xa3cmd\xa5HELLO\xa1x"
    yield from ([wire.VERSION, start + tail, b""] for tail in (lie, b"\xdf\xff\xff\xff\xff"))
    yield [wire.VERSION, b"\x91" * 1_000_000, b""]
    yield [wire.VERSION, start + b"\x91" * 1_000_000, b""]
    yield [wire.VERSION, start + b"\xdd\x00\x1e\x84\x00" + b"\x80" * 2_000_000, b""]
    yield [wire.VERSION, start + b"\x81\xa1a" * 600_000, b""]
    yield [wire.VERSION, b"\xdd\x00\x1e\x84\x00" + b"\x80" * 2_000_000, b""]
    yield [wire.VERSION, b"\xdb\xff\xff\xff\xff", b""]
    yield [wire.VERSION, msgpack.packb(msgpack.Timestamp(2**60, 1)), b""]
    yield [wire.VERSION, msgpack.packb({"id": "0" * 32, "cmd": "HELLO", "x": "y" * 10**6}), b""]


def rubbish():
    yield [b"postroom/9", *wire.encode_request(HELLO)[1:]]
    yield []
    yield [bytes(900_000)] * 40
    yield [wire.VERSION, b"x", bytes(wire.MAX_MESSAGE - 100)]
    yield from bombs()


def test_rubbish_on_the_port_costs_little_and_honest_peers_go_on(master):
    lanes = master.start().lanes()
    lanes.ask(HELLO)
    before = master.peak_megabytes()
    with dealer(master) as peer, dealer(master) as over:
        for frames in rubbish():
            peer.send_multipart([b"", *frames] if frames else [b"x"])
        over.send_multipart([b"", wire.VERSION, b"x", bytes(wire.MAX_MESSAGE + 2_000_000)])
        answers = [peer.recv_multipart() for _ in range(13) if peer.poll(30_000)]
        assert {type(wire.decode_reply(a[1:], wire.PassReply)) for a in answers} == {wire.Refusal}
        assert lanes.ask(*push("honest")).items[0].status == "stored"

    assert master.process.poll() is None
    assert master.peak_megabytes() - before < 100
    assert len(master.workers()) == 2
    assert "killed" not in master.log()


def test_a_refused_request_is_answered_with_the_reason(master):
    master.start()
    with dealer(master) as peer:
        header = msgpack.packb({"id": "a" * 32, "cmd": "FETCH"})
        peer.send_multipart([b"", wire.VERSION, header, b""])
        assert peer.poll(10_000)
        refusal = wire.decode_reply(peer.recv_multipart()[1:], wire.PassReply)

    assert isinstance(refusal, wire.Refusal)
    assert (refusal.code, refusal.id) == ("bad_request", "a" * 32)
    assert "FETCH" in refusal.message


def test_raw_bytes_and_unfinished_frames_disturb_nobody(master):
    lanes = master.start().lanes()
    greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00NULL" + b"\0" * 48
    unfinished = greeting + b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ"
    unfinished += b"\x03" + struct.pack(">Q", 7_000_000) + b"begun but never ended"
    peers = [socket.create_connection(("127.0.0.1", master.port)) for _ in range(200)]
    for number, peer in enumerate(peers):
        peer.sendall([b"GET / HTTP/1.1\r\n\r\n", os.urandom(500), unfinished, b""][number % 4])

    assert lanes.ask(*push("honest")).items[0].status == "stored"

    for peer in peers:
        peer.close()
    assert master.process.poll() is None


def test_while_the_api_is_away_the_provider_keeps_the_mail(master):
    lanes = master.start().lanes()
    master.api.refuse = lambda mails: (503, "busy")
    assert isinstance(lanes.submit(*push("one")).result(20), wire.Retry)
    master.await_log("no mail is taken for now")

    master.api.refuse = lambda mails: None

    master.await_log("the API answers again")
    assert deliver(lanes, *push("one"))[1].status == "stored"


def test_the_first_sigterm_finishes_what_is_in_hand(master):
    master.start(workers=1)
    lanes = master.lanes(resend_seconds=600, reconnect_seconds=600)
    answer = lanes.submit(*push("WAIT"))
    wait_until(master.parsed)
    master.process.terminate()
    master.await_log("finishing what is in hand")

    master.open_gate()

    assert answer.result(20).items[0].status == "stored"
    assert master.process.wait(10) == 0
    assert list(master.api.mails) == [1]


def test_what_does_not_end_in_time_is_left_with_the_provider(master):
    master.start(workers=1)
    lanes = master.lanes(resend_seconds=600, reconnect_seconds=600)
    answer = lanes.submit(*push("HANG"))
    wait_until(master.parsed)
    workers = master.workers()

    master.process.terminate()

    assert isinstance(answer.result(20), wire.Retry)
    assert master.process.wait(10) == 0
    assert not [pid for pid in workers if alive(pid)]


def test_the_second_sigterm_ends_at_once(master):
    lanes = master.start(workers=1).lanes()
    lanes.submit(*push("HANG"))
    wait_until(master.parsed)
    workers = master.workers()

    master.process.terminate()
    master.await_log("stopping")
    master.process.terminate()

    assert master.process.wait(3) == 128 + signal.SIGTERM
    wait_until(lambda: not [pid for pid in workers if alive(pid)])


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers_do_not_outlive_a_killed_front(master):
    master.start().lanes().ask(HELLO)
    workers = master.workers()
    assert len(workers) == 2

    master.process.kill()
    master.process.wait()

    wait_until(lambda: not [pid for pid in workers if alive(pid)], what="no worker left")


def test_ctrl_c_in_the_terminal_ends_in_order(master):
    lanes = master.start(workers=1).lanes(resend_seconds=600, reconnect_seconds=600)
    answer = lanes.submit(*push("WAIT"))
    wait_until(master.parsed)
    for pid in [master.process.pid, *master.workers()]:
        os.kill(pid, signal.SIGINT)

    master.open_gate()

    assert answer.result(20).items[0].status == "stored"
    assert master.process.wait(10) == 0


def test_a_large_mail_comes_through_by_parts(master):
    lanes = master.start().lanes()
    raw = b"Subject: large\r\n\r\n" + b"0123456789abcde\n" * 750_000
    upload = wire.Upload(id="a" * 32, size=len(raw), sha256=sha256(raw).hexdigest())
    sent = 0
    while sent < len(raw):
        piece = raw[sent : sent + wire.MAX_PART]
        sent = lanes.ask(wire.Part(upload=upload.id, offset=sent), [piece]).received

    item = wire.Item(key=1, size=len(raw), upload=upload)
    reply = lanes.ask(wire.Push(mailbox="work", items=[item], **PLACE))

    assert reply.items[0].status == "stored"
    assert (master.api.mails[1]["size"], master.api.mails[1]["sha256"]) == (len(raw), upload.sha256)


def test_with_keys_only_allowed_clients_are_heard(master, tmp_path):
    folder = tmp_path / "keys"
    keys.create(folder, "laptop")
    master.start(keys=folder)
    public, secret = zmq.curve_keypair()
    own = ClientKeys.load(folder / "laptop.key_secret", folder / "server.key")
    foreign = ClientKeys(public, secret, own.server)
    known = {"own": own, "foreign": foreign, "none": None}
    clients = {name: master.lanes(keys=held) for name, held in known.items()}

    answers = {name: lanes.submit(*push(name, mailbox=name)) for name, lanes in clients.items()}

    assert answers["own"].result(10).items[0].status == "stored"
    assert not wait([answers["foreign"], answers["none"]], 2).done
    assert [mail["mailbox"] for mail in master.api.mails.values()] == ["own"]
