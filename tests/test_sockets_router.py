"""The master's side: sound envelopes pass, all else is dropped, nobody can make it wait."""

import logging
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from postroom import wire
from postroom.errors import SettingsError
from postroom.sockets import Backend, Desk, Frontend, Hub, Lanes
from tests.servers.small_master import SmallMaster
from tests.waiting import wait_until

HELLO = wire.Hello(mailbox="work", kind="imap", fingerprint="f", interval=10, version="1")


@pytest.fixture
def master():
    with SmallMaster() as running:
        yield running


@contextmanager
def dealer(address):
    with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
        peer.linger = 0
        peer.connect(address)
        yield peer


def answered(peer):
    assert peer.poll(10_000)
    return peer.recv_multipart()


def test_a_peer_that_correlates_gets_its_labels_back(master):
    frames = wire.encode_request(HELLO)
    with dealer(master.address) as peer:
        peer.send_multipart([b"one", b"two", b"", *frames])
        assert answered(peer)[:3] == [b"one", b"two", b""]
        peer.send_multipart([b"", *frames])
        assert answered(peer)[0] == b""


MALFORMED = {
    "one empty frame": [b"x"],
    "no empty frame": [b"x"] * 10,
    "an empty frame too late": [b"x"] * 6 + [b""],
    "a label as long as a mail": [b"x" * 256, b""],
    "forty frames": [b"x" * 1000] * 40,
}


@pytest.mark.parametrize("frames", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_envelope_is_dropped_and_the_next_served(master, frames, caplog):
    with dealer(master.address) as peer:
        peer.send_multipart(frames)
        peer.send_multipart([b"", *wire.encode_request(HELLO)])
        answered(peer)

    assert master.dropped == 1
    assert "dropped a malformed message" in caplog.text


def test_a_flood_of_rubbish_does_not_flood_the_log(master, caplog):
    caplog.set_level(logging.WARNING)
    with dealer(master.address) as peer:
        for _ in range(100):
            peer.send_multipart([b"x"])
        wait_until(lambda: master.dropped == 100)

    assert len(caplog.records) == 7


def test_an_answer_to_a_peer_that_went_away_is_dropped(caplog):
    caplog.set_level(logging.INFO)
    with zmq.Context() as context:
        frontend = Frontend(context, "127.0.0.1", 0)
        assert frontend.send((b"gone", b""), [b"x"]) is False
        frontend.close()

    assert "went away" in caplog.text


def test_a_frame_over_the_limit_ends_only_its_own_connection(master):
    with dealer(master.address) as rude, dealer(master.address) as honest:
        rude.send_multipart([b"", wire.VERSION, b"x", bytes(wire.MAX_MESSAGE + 1)])
        honest.send_multipart([b"", *wire.encode_request(HELLO)])
        answered(honest)
        assert not rude.poll(200)

    assert len(master.seen) == 1


def test_raw_bytes_on_the_port_disturb_nobody(master):
    port = master.port
    stop = threading.Event()
    lanes = Lanes(master.address, lanes=1, stop=stop)
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for number, connection in enumerate(connections):
        connection.sendall(
            [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\xff\0\0\0", b""][number % 4]
        )

    assert lanes.ask(HELLO).epoch == 1

    for connection in connections:
        connection.close()
    lanes.close()


def test_a_taken_port_says_which():
    with zmq.Context() as context:
        first = Frontend(context, "127.0.0.1", 0)
        port = int(first.address.rpartition(":")[2])
        with pytest.raises(OSError, match=f"port {port} of 127.0.0.1 is taken"):
            Frontend(context, "127.0.0.1", port)
        first.close()


def test_a_taken_port_leaves_nothing_open():
    with SmallMaster() as other, pytest.raises(OSError, match="taken"):
        Hub("127.0.0.1", other.port)


def test_a_host_that_is_none_is_a_mistake_in_the_settings():
    with zmq.Context() as context, pytest.raises(SettingsError, match="host = no such host"):
        Frontend(context, "no such host", 5555)


def test_the_master_listens_on_ipv6_too():
    with zmq.Context() as context:
        frontend = Frontend(context, "::1", 0)
        assert frontend.address.startswith("tcp://[::1]:")
        frontend.close()


def test_front_and_worker_speak_through_a_private_file():
    with zmq.Context() as context:
        backend = Backend(context)
        folder = Path(backend.address.removeprefix("ipc://")).parent
        assert folder.stat().st_mode & 0o777 == 0o700

        desk = Desk(backend.address, "worker-1")
        desk.send([b"ready"])
        assert wait_until(lambda: list(backend.receive())) == [("worker-1", [b"ready"])]
        assert backend.send("worker-1", [b"order", memoryview(b"frame")])
        assert [bytes(frame) for frame in desk.receive()] == [b"order", b"frame"]
        assert not backend.send("worker-2", [b"order"])

        desk.close()
        backend.close()
    assert not folder.exists()
