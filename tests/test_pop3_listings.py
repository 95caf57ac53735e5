"""By what a mail in a maildrop is known again, and which the first pass brings."""

from collections.abc import Iterator
from functools import partial

import pytest

from postroom.backoff import Backoff
from postroom.errors import SourceError
from tests.maildrop import five_mails, is_whole, opened
from tests.servers.scripted_pop3 import ScriptedPop3
from tests.stubs.rig import Rig, mail, pop3
from tests.waiting import wait_until


@pytest.fixture
def server() -> Iterator[ScriptedPop3]:
    with five_mails() as server:
        yield server


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
