"""What POP3 servers get wrong, each fault played by a scripted server."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from hashlib import sha256

import pytest

from postroom import wire
from postroom.backoff import Backoff
from postroom.errors import SourceError, TemporaryError
from provider.sources.pop3.connection import Paced
from provider.sources.pop3.folder import Pop3Folder
from tests.servers.scripted_pop3 import ScriptedPop3
from tests.stubs.rig import Rig, mail, pop3
from tests.waiting import wait_until


@pytest.fixture
def server() -> Iterator[ScriptedPop3]:
    with ScriptedPop3({f"id{number}": mail(number) for number in range(1, 6)}) as server:
        yield server


@contextmanager
def opened(server: ScriptedPop3, **options: object) -> Iterator[Pop3Folder]:
    with closing(pop3(server, timeout_seconds=2, **options)) as source:
        source.connect()
        yield source.open("INBOX")


def is_whole(rig: Rig, server: ScriptedPop3) -> bool:
    return rig.master.raws() == sorted(server.mails.values())


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


# --- who is who


def test_the_oldest_deleted_between_two_sessions_doubles_nothing(rig: Rig, server: ScriptedPop3):
    rig.once(pop3(server))
    del server.mails["id1"]
    server.mails["id6"] = mail(6)

    assert rig.once(pop3(server))

    assert len(rig.master.pushed()) == 6
    assert mail(6) in rig.master.raws()


def test_mail_that_comes_between_list_and_uidl_arrives(rig: Rig, server: ScriptedPop3):
    server.late = {"id6": mail(6)}

    assert rig.once(pop3(server))
    server.mails["id6"] = server.late.pop("id6")
    assert rig.once(pop3(server))

    assert is_whole(rig, server)
    assert set(rig.master.downloaded.values()) == {1}


@pytest.mark.parametrize("told", ["", "same", None])
def test_uidls_blank_repeated_or_missing_are_no_identity(
    rig: Rig, server: ScriptedPop3, told: str | None
):
    server.uidls = {"id2": told, "id4": told}
    rig.once(pop3(server))
    del server.mails["id1"]
    server.mails["id6"] = mail(6)

    assert rig.once(pop3(server))

    assert len(rig.master.pushed()) == 6
    assert sum(place.key.startswith("top:") for place in rig.master.held) == 2  # type: ignore[union-attr]


def test_a_server_that_changes_status_fields_gives_the_same_keys(rig: Rig, server: ScriptedPop3):
    server.unknown = {"UIDL"}
    server.capabilities = ["TOP"]
    rig.once(pop3(server))
    before = len(rig.master.pushed())
    head = b"Status: RO\r\nX-UID: 17\r\nX-Status: A\r\n b\r\n"
    server.sizes = {key: len(raw) for key, raw in server.mails.items()}
    server.mails = {key: head + raw for key, raw in server.mails.items()}

    assert rig.once(pop3(server))

    assert len(rig.master.pushed()) == before


def test_mails_with_equal_headers_and_sizes_are_all_brought(rig: Rig, server: ScriptedPop3):
    server.capabilities, server.unknown = ["TOP"], {"UIDL"}
    server.mails = {"a": mail(1, b"aaaa\r\n"), "b": mail(1, b"bbbb\r\n"), "c": mail(2)}
    source = pop3(server)
    assert rig.once(source)
    # One twin goes and another comes: the listing looks the same.
    del server.mails["a"]
    server.mails["d"] = mail(1, b"cccc\r\n")

    assert rig.once(source)

    assert len(rig.master.raws()) == 4
    assert set(rig.master.downloaded.values()) == {1}


@pytest.mark.parametrize("lacks", [{"UIDL"}, {"TOP"}, {"UIDL", "TOP"}])
@pytest.mark.parametrize("says", [True, False])
def test_servers_without_uidl_or_top_are_read_once(
    rig: Rig, server: ScriptedPop3, lacks: set[str], says: bool
):
    server.unknown = lacks
    server.capabilities = sorted({"UIDL", "TOP"} - lacks) if says else None
    source = pop3(server)
    assert rig.once(source)
    del server.mails["id1"]
    server.mails["id6"] = mail(6, b"of another size\r\n")

    assert rig.once(source)
    assert rig.once(source)

    assert len(rig.master.raws()) == 6
    assert set(rig.master.downloaded.values()) == {1}
    assert "".join(rig.master.errors) == ""


def test_without_uidl_and_top_an_unchanged_maildrop_is_not_read_again(
    rig: Rig, server: ScriptedPop3
):
    server.unknown, server.capabilities = {"UIDL", "TOP"}, []
    source = pop3(server, poll_seconds=0.05)

    rig.serve(source)

    wait_until(lambda: server.sessions >= 4)
    # To know it, and to bring it.
    assert len(server.said("RETR")) == 10


def test_a_mail_that_gives_neither_headers_nor_body_is_told(rig: Rig, server: ScriptedPop3):
    server.uidls = {"id2": ""}
    server.untold["id2"] = server.refused["id2"] = 1_000

    assert rig.once(pop3(server))

    assert rig.master.statuses() == {"stored": 4, "refused": 1}


def test_a_mail_that_breaks_the_connection_while_it_is_told_apart_blocks_no_other(
    rig: Rig, server: ScriptedPop3, monkeypatch: pytest.MonkeyPatch
):
    # It breaks a dozen times, and the pauses between would grow to half a minute.
    monkeypatch.setattr("provider.loop.Backoff", partial(Backoff, temporary=(0.1, 0.1)))
    server.capabilities, server.unknown = [], {"UIDL", "TOP"}
    server.cuts["id2"] = 1_000

    rig.serve(pop3(server))

    wait_until(lambda: len(rig.master.held) == 5, seconds=90)
    assert rig.master.statuses() == {"stored": 4, "refused": 1}


def test_uidl_refused_by_a_server_that_has_it_is_no_new_listing(server: ScriptedPop3):
    server.unknown = {"UIDL"}

    with pytest.raises(SourceError, match="listing the maildrop"), opened(server):
        pass


def test_uidls_that_all_changed_cost_headers_only(rig: Rig, server: ScriptedPop3):
    server.mails = {f"old{number}": mail(number) for number in range(1, 31)}
    source = pop3(server)
    rig.once(source)
    server.mails = {f"new{number}": mail(number) for number in range(1, 31)}
    server.mails["late"] = mail(31)

    assert rig.once(source)

    assert len(rig.master.raws()) == 31
    assert set(rig.master.downloaded.values()) == {1}
    assert len(server.said("RETR")) == 31
    assert rig.master.receipts[-1].stored == 31


def test_uidls_that_all_changed_on_a_server_without_top_settle_by_content(
    rig: Rig, server: ScriptedPop3
):
    server.capabilities, server.unknown = ["UIDL"], {"TOP"}
    server.mails = {f"old{number}": mail(number) for number in range(1, 31)}
    rig.once(pop3(server))
    server.mails = {f"new{number}": mail(number) for number in range(1, 31)}

    assert rig.once(pop3(server))

    assert len(rig.master.raws()) == 30
    assert rig.master.receipts[-1].stored == 30


def test_uidls_may_be_anything(rig: Rig, server: ScriptedPop3):
    names = ["a b", "top:x", "raw:y", "none:z", "uidl:top:x", "ü", "\udcff\udcfe", "x" * 900]
    server.mails = {name: mail(number) for number, name in enumerate(names)}

    assert rig.once(pop3(server))
    assert rig.once(pop3(server))

    assert is_whole(rig, server)
    assert len(rig.master.pushed()) == len(names)


# --- the first pass


def test_the_newest_are_those_with_the_highest_numbers(rig: Rig, server: ScriptedPop3):
    server.mails = {f"{99 - number}": mail(number) for number in range(10)}

    assert rig.once(pop3(server, first="newest 3"))

    assert rig.master.raws() == sorted(mail(number) for number in (7, 8, 9))


def test_more_new_mails_than_the_newest_are_all_brought(rig: Rig, server: ScriptedPop3):
    rig.once(pop3(server, first="newest 2"))
    server.mails.update({f"later{number}": mail(number) for number in range(10, 20)})

    assert rig.once(pop3(server, first="newest 2"))

    assert len(rig.master.raws()) == 12


def test_new_uidls_after_a_limited_first_pass_lose_nothing(rig: Rig, server: ScriptedPop3):
    rig.once(pop3(server, first="newest 2"))
    server.mails = {f"new{key}": raw for key, raw in server.mails.items()}
    server.mails.update({f"later{number}": mail(number) for number in range(10, 20)})

    assert rig.once(pop3(server, first="newest 2"))

    assert is_whole(rig, server)


def dated(day: int, field: str = "Date: ") -> bytes:
    return b"%s%d Nov 2026 10:00:00 +0000\r\n" % (field.encode(), day) + mail(day)


def test_since_goes_by_the_date_of_arrival(rig: Rig, server: ScriptedPop3):
    received = "Received: from a\r\n by b; "
    days = [dated(day, received) for day in range(1, 21)]
    # Written long ago, and come now.
    days.append(dated(22, received).replace(b"Subject", b"Date: 1 Jan 2001 00:00 +0000\r\nSubject"))
    server.mails = {f"{99 - number}": raw for number, raw in enumerate(days)}

    assert rig.once(pop3(server, first="since 2026-11-18"))

    assert len(rig.master.raws()) == 4


def test_since_takes_what_has_no_date(rig: Rig, server: ScriptedPop3):
    server.mails = {"a": dated(1), "b": mail(2), "c": dated(19, "date: ")}

    assert rig.once(pop3(server, first="since 2026-11-18"))

    assert len(rig.master.raws()) == 2


def test_since_without_top_is_told(rig: Rig, server: ScriptedPop3):
    server.capabilities = ["UIDL"]

    assert not rig.once(pop3(server, first="since 2026-11-18"))

    assert server.said("RETR") == []


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
