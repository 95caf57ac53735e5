"""What POP3 servers get wrong, each fault played by a scripted server."""

import threading
from collections.abc import Iterator
from hashlib import sha256

import pytest

from postroom import wire
from postroom.errors import SourceError, TemporaryError
from provider.sources.pop3.connection import Paced
from tests.maildrop import five_mails, is_whole, opened
from tests.servers.scripted_pop3 import ScriptedPop3
from tests.stubs.rig import Rig, mail, pop3
from tests.waiting import wait_until


@pytest.fixture
def server() -> Iterator[ScriptedPop3]:
    with five_mails() as server:
        yield server


# --- lines and sizes


def test_a_line_of_a_hundred_thousand_bytes_arrives(rig: Rig, server: ScriptedPop3):
    server.mails["long"] = mail(6, b"x" * 100_000 + b"\r\n..after\r\n")

    assert rig.once(pop3(server))

    assert is_whole(rig, server)


def test_dots_at_the_beginning_of_lines_are_undone(rig: Rig, server: ScriptedPop3):
    lines = [b".", b"..", b"...", b".x", b"..x", b"", b".", b"x" * 65_536, b"." * 65_537]
    server.mails["dots"] = mail(6, b"\r\n".join(lines) + b"\r\n")

    assert rig.once(pop3(server))

    assert is_whole(rig, server)


@pytest.mark.parametrize("size", [0, 1, 10**12, 10**18, 10**30, -5])
def test_wrong_sizes_cost_nothing(rig: Rig, server: ScriptedPop3, size: int):
    server.sizes = {"id2": size}

    assert rig.once(pop3(server))

    assert is_whole(rig, server)
    assert set(rig.master.downloaded.values()) == {1}


def test_a_mail_far_larger_than_told_comes_in_parts(rig: Rig, server: ScriptedPop3):
    server.mails["big"] = mail(6, b"x" * 998 + b"\r\n") + (b"y" * 998 + b"\r\n") * 20_000
    server.sizes["big"] = 10

    rig.serve(pop3(server))

    wait_until(lambda: is_whole(rig, server), seconds=30)
    assert len(rig.master.asked(wire.Part)) == 5


def test_a_mail_without_end_is_too_big_and_blocks_no_other(server: ScriptedPop3):
    rig = Rig()
    rig.master.limits = wire.Limits(mail_bytes=20_000_000)
    server.flood["id3"] = 10**12
    server.sizes["id3"] = 5_000_000
    try:
        rig.serve(pop3(server))

        wait_until(lambda: len(rig.master.held) == 5, seconds=30)
    finally:
        server.close()
        rig.close()
    assert rig.master.statuses() == {"stored": 4, "too_big": 1}


def test_an_empty_maildrop_ends_in_an_empty_receipt(rig: Rig, server: ScriptedPop3):
    server.mails = {}

    assert rig.once(pop3(server))

    assert rig.master.receipts[-1].listed == 0


# --- connections that break


def test_a_connection_cut_inside_a_mail_loses_nothing(rig: Rig, server: ScriptedPop3):
    server.cuts["id3"] = 2

    assert rig.once(pop3(server))

    assert is_whole(rig, server)
    assert set(rig.master.downloaded.values()) == {1}


def test_a_mail_that_always_cuts_the_connection_is_given_up_alone(rig: Rig, server: ScriptedPop3):
    server.cuts["id3"] = 1_000

    rig.serve(pop3(server))

    wait_until(lambda: len(rig.master.held) == 5, seconds=30)
    assert rig.master.statuses() == {"stored": 4, "refused": 1}
    assert "the connection broke" in next(h.reason for h in rig.master.held.values() if h.reason)


def test_a_mail_whose_end_never_comes_is_given_up_alone(rig: Rig, server: ScriptedPop3):
    server.endless = {"id3"}
    # Its session is not over when the next begins.
    server.locks = False

    rig.serve(pop3(server, timeout_seconds=0.5))

    wait_until(lambda: len(rig.master.held) == 5, seconds=30)
    assert rig.master.statuses() == {"stored": 4, "refused": 1}


@pytest.mark.parametrize("command", ["CAPA", "USER", "PASS", "LIST", "UIDL", "RETR"])
def test_a_server_that_freezes_is_left_in_time(rig: Rig, server: ScriptedPop3, command: str):
    server.frozen, server.locks = {command}, False

    rig.serve(pop3(server, timeout_seconds=0.3))

    wait_until(lambda: any("timed out" in error for error in rig.master.errors), seconds=20)
    server.frozen = set()
    wait_until(lambda: is_whole(rig, server), seconds=20)


def test_an_answer_that_trickles_for_ever_is_left(server: ScriptedPop3):
    server.trickles = {"LIST"}

    with pytest.raises(TemporaryError, match="too slow"), opened(server):
        pass


def test_only_the_time_spent_waiting_is_counted():
    class Socket:
        def recv_into(self, buffer: memoryview) -> int:
            buffer[:5] = b"12345"
            return 5

    paced = Paced(Socket(), 0.0)  # type: ignore[arg-type]
    paced.begin(10.0)

    assert [paced.readinto(memoryview(bytearray(9))) for _ in range(3)] == [5, 5, 5]


@pytest.mark.parametrize("junk", [b"+OK\r\n", b"-ERR idle for too long\r\n", b"rubbish\r\n"])
@pytest.mark.parametrize("command", ["PASS", "UIDL", "RETR"])
def test_what_comes_unasked_is_never_taken_for_an_answer(
    rig: Rig, server: ScriptedPop3, command: str, junk: bytes
):
    server.unasked = {command: junk}
    rig.serve(pop3(server))
    wait_until(lambda: any("spoke unasked" in error for error in rig.master.errors), seconds=20)

    server.unasked = {}

    wait_until(lambda: is_whole(rig, server), seconds=20)
    assert rig.master.statuses() == {"stored": 5}


def test_an_endless_first_line_is_not_awaited(server: ScriptedPop3):
    server.greetings = ["+OK " + "x" * 100_000]

    with pytest.raises(TemporaryError, match="makes no sense"):
        pop3(server).connect()


def test_a_port_where_nobody_listens_is_told(server: ScriptedPop3, free_port: int):
    with pytest.raises(TemporaryError, match="connecting to"):
        pop3(server, port=free_port).connect()


# --- refusals


def test_a_mail_that_is_refused_once_comes_with_the_next_try(rig: Rig, server: ScriptedPop3):
    server.refused["id3"] = 1
    source = pop3(server)

    rig.once(source)
    assert rig.master.statuses() == {"stored": 4, "refused": 1}
    lost = next(place for place, held in rig.master.held.items() if held.status == "refused")
    del rig.master.held[lost]
    server.mails["id6"] = mail(6)
    assert rig.once(source)

    assert is_whole(rig, server)


def test_a_mail_that_is_always_refused_blocks_no_other(rig: Rig, server: ScriptedPop3):
    server.refused["id3"] = 1_000

    assert rig.once(pop3(server))

    assert rig.master.statuses() == {"stored": 4, "refused": 1}
    assert "cannot read that" in next(h.reason for h in rig.master.held.values() if h.reason)


def test_a_mail_that_is_always_put_off_is_given_up_alone(rig: Rig, server: ScriptedPop3):
    server.refused["id3"] = 1_000
    server.refusal = "-ERR [SYS/TEMP] disk trouble"

    rig.serve(pop3(server))

    wait_until(lambda: len(rig.master.held) == 5, seconds=30)
    assert rig.master.statuses() == {"stored": 4, "refused": 1}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ("-ERR [IN-USE] do you have another session?", TemporaryError, "another client has"),
        ("-ERR unable to lock maildrop", TemporaryError, "another client has"),
        ("-ERR [LOGIN-DELAY] too soon", TemporaryError, "wants a pause of 60 s"),
        ("-ERR [SYS/TEMP] no database", TemporaryError, "no database"),
        ("-ERR too many connections", TemporaryError, "too many connections"),
        ("-ERR [SYS/PERM] disabled", SourceError, "the server says no"),
        ("-ERR [AUTH] no", SourceError, "user name or password refused"),
        ("-ERR authentication failed, please try again", SourceError, "password refused"),
        ("-ERR this account is blocked", SourceError, "refused"),
        ("HTTP/1.1 400 Bad Request", TemporaryError, "makes no sense"),
    ],
)
def test_a_refused_login_says_whose_fault_it_is(
    server: ScriptedPop3, answer: str, kind: type[Exception], words: str
):
    server.logins = [answer]

    with pytest.raises(kind, match=words) as error:
        pop3(server).connect()

    assert "work-secret" not in str(error.value)


def test_the_pause_between_logins_that_the_server_wants_is_obeyed(server: ScriptedPop3):
    server.capabilities = ["TOP", "UIDL", "LOGIN-DELAY 900"]
    server.logins = ["-ERR [LOGIN-DELAY] minimum time between mail checks violated"]
    source = pop3(server)

    with pytest.raises(TemporaryError) as error:
        source.connect()

    assert error.value.after == 900
    assert source.poll_seconds() == 900


def test_a_locked_maildrop_is_told_and_read_when_it_is_free(rig: Rig, server: ScriptedPop3):
    assert server.take()

    rig.serve(pop3(server))

    wait_until(lambda: any("another client has" in error for error in rig.master.errors))
    server.release()
    wait_until(lambda: is_whole(rig, server))


def test_the_maildrop_is_free_while_we_wait(rig: Rig, server: ScriptedPop3):
    rig.serve(pop3(server))

    wait_until(lambda: server.said("QUIT"))

    assert wait_until(server.take)
    assert server.sessions == 1


def test_a_greeting_that_refuses_is_told(server: ScriptedPop3):
    server.greetings = ["-ERR too many connections from your address"]

    with pytest.raises(TemporaryError, match="too many connections"):
        pop3(server).connect()


# --- the seam


def test_one_answer_per_key(server: ScriptedPop3):
    with opened(server) as folder:
        answers = {mail.key: mail.outcome for mail in folder.fetch(["id1", "never"])}
        pieces = list(folder.stream("id2", 10))

        assert answers == {"id1": "", "never": "gone"}
        assert b"".join(pieces) == mail(2)
        assert max(map(len, pieces)) == 10
        assert list(folder.stream("never", 10)) == []
        assert folder.headers("never") is None
        assert folder.samples(["id1", "never"]) == [
            wire.Sample("id1", len(mail(1)), "<1@example.org>")
        ]


def test_a_mail_left_in_the_middle_ends_the_session(server: ScriptedPop3):
    with opened(server) as folder:
        next(folder.stream("id2", 10))

        with pytest.raises(TemporaryError, match="left in the middle"):
            list(folder.fetch(["id1"]))


def test_a_whole_mail_is_hashed_without_being_kept(server: ScriptedPop3):
    with opened(server) as folder:
        assert folder.hashed(1) == sha256(mail(1)).hexdigest()


def test_there_is_one_folder(server: ScriptedPop3):
    source = pop3(server)

    assert source.folders() == ["INBOX"]
    with pytest.raises(SourceError):
        source.open("Sent")


def test_waiting_ends_when_told_to(server: ScriptedPop3):
    stop = threading.Event()
    stop.set()

    assert not pop3(server).wait(60, stop)
