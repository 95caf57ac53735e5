"""What IMAP servers get wrong, each fault played by a scripted server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from postroom import wire
from postroom.errors import SourceError, TemporaryError
from provider.sources import Fetched, Folder
from provider.sources.imap import idle
from tests.servers.scripted_imap import ScriptedImap
from tests.stubs.rig import Rig, imap, mail
from tests.waiting import wait_until


@pytest.fixture
def server() -> Iterator[ScriptedImap]:
    with ScriptedImap({uid: mail(uid) for uid in range(1, 6)}) as server:
        yield server


@contextmanager
def opened(server: ScriptedImap) -> Iterator[Folder]:
    with closing(imap(server, timeout_seconds=2)) as source:
        source.connect()
        yield source.open("INBOX")


def test_a_mail_that_the_server_hides_once_arrives(rig: Rig, server: ScriptedImap):
    server.hidden[3] = 1

    assert rig.once(imap(server))

    assert len(rig.master.raws()) == 5


def test_a_mail_that_the_server_never_gives_is_told_and_blocks_no_other(
    rig: Rig, server: ScriptedImap
):
    server.hidden[3] = 1_000

    assert rig.once(imap(server))

    assert rig.master.statuses() == {"stored": 4, "refused": 1}
    assert "gives nothing" in next(h.reason for h in rig.master.held.values() if h.reason)


def test_nil_is_no_mail(rig: Rig, server: ScriptedImap):
    server.nil = {2}

    rig.once(imap(server))

    assert rig.master.statuses() == {"stored": 4, "refused": 1}


def test_a_mail_that_goes_between_search_and_fetch_is_gone(rig: Rig, server: ScriptedImap):
    server.expunged = {2, 4}

    assert rig.once(imap(server))

    assert rig.master.statuses() == {"stored": 3, "gone": 2}
    assert rig.master.receipts[-1].gone == 2


def test_a_mail_whose_fetch_is_refused_blocks_no_other(rig: Rig, server: ScriptedImap):
    server.forbidden = {4}

    assert rig.once(imap(server))

    assert rig.master.statuses() == {"stored": 4, "refused": 1}


def test_a_hidden_mail_whose_second_fetch_is_refused_blocks_no_other(
    rig: Rig, server: ScriptedImap
):
    server.hidden[3] = 1_000
    server.forbidden_alone = {3}

    assert rig.once(imap(server))

    assert rig.master.statuses() == {"stored": 4, "refused": 1}


def test_a_size_that_the_server_refuses_blocks_no_mail(rig: Rig, server: ScriptedImap):
    server.untold = {3}

    assert rig.once(imap(server))

    assert rig.master.raws() == sorted(server.mails.values())


def test_a_size_that_always_breaks_the_connection_blocks_no_mail(rig: Rig, server: ScriptedImap):
    server.tell_cuts[3] = 1_000

    rig.serve(imap(server))

    wait_until(lambda: len(rig.master.raws()) == 5, seconds=20)
    # What was given up is not asked for again.
    assert server.tell_cuts[3] == 997


def test_a_mail_that_breaks_the_connection_for_size_and_body_is_given_up_alone(
    rig: Rig, server: ScriptedImap
):
    server.tell_cuts[3] = server.cuts[3] = 1_000

    rig.serve(imap(server))

    wait_until(lambda: len(rig.master.held) == 5, seconds=90)
    assert rig.master.statuses() == {"stored": 4, "refused": 1}


def test_headers_that_the_server_refuses_leave_the_others_told(server: ScriptedImap):
    server.untold = {3}

    with opened(server) as folder:
        samples, digests = folder.samples([1, 2, 3, 4]), folder.digests([1, 2, 3, 4])

    assert {sample.key for sample in samples} == {1, 2, 4}
    assert {digest.key for digest in digests} == {1, 2, 4}


@pytest.mark.parametrize("size", [2**63, 2**64 - 1, 10**40])
def test_a_size_that_no_mail_can_have_is_unknown(rig: Rig, server: ScriptedImap, size: int):
    server.sizes[3] = size

    assert rig.once(imap(server))

    assert rig.master.raws() == sorted(server.mails.values())


def test_a_connection_that_ends_inside_a_literal_loses_nothing(rig: Rig, server: ScriptedImap):
    server.cuts[3] = 2

    assert rig.once(imap(server))

    assert rig.master.raws() == sorted(server.mails.values())
    assert set(rig.master.downloaded.values()) == {1}


def test_a_mail_that_always_breaks_the_connection_is_given_up_alone(rig: Rig, server: ScriptedImap):
    server.cuts[3] = 1_000

    rig.serve(imap(server))

    wait_until(lambda: len(rig.master.held) == 5, seconds=20)
    assert rig.master.statuses() == {"stored": 4, "refused": 1}


def test_a_literal_of_four_gigabytes_is_not_awaited(rig: Rig, server: ScriptedImap):
    server.announced[5] = 4 * 1024**3

    rig.serve(imap(server, timeout_seconds=5))

    wait_until(lambda: len(rig.master.held) == 5, seconds=30)
    assert rig.master.statuses() == {"stored": 4, "refused": 1}


def test_a_server_that_falls_silent_inside_a_literal_is_left(server: ScriptedImap):
    server.announced[2] = 100_000

    with opened(server) as folder, pytest.raises(TemporaryError):
        list(folder.fetch([1, 2]))


@pytest.mark.parametrize("factor", [0, 0.3, 3])
def test_sizes_are_not_trusted(rig: Rig, server: ScriptedImap, factor: float):
    server.size_factor = factor
    server.mails[6] = mail(6, b"x" * 5_000_000)

    assert rig.once(imap(server))

    assert rig.master.raws() == sorted(server.mails.values())


def test_a_mail_far_larger_than_told_comes_in_parts(rig: Rig, server: ScriptedImap):
    server.size_factor = 0.001
    server.mails[6] = mail(6, b"x" * 20_000_000)

    rig.serve(imap(server))

    wait_until(lambda: len(rig.master.raws()) == 6, seconds=20)
    assert len(rig.master.asked(wire.Part)) == 5


def test_any_order_of_items_and_lines_between_are_read(rig: Rig, server: ScriptedImap):
    server.odd = True

    assert rig.once(imap(server))

    assert rig.master.raws() == sorted(server.mails.values())


def test_a_body_in_quotes_is_read_and_nothing_in_it_is_an_item(rig: Rig, server: ScriptedImap):
    server.mails[2] = b'Subject: "a\\b" (UID 99 BODY[] NIL)'
    server.quoted = {2}

    assert rig.once(imap(server))

    assert rig.master.raws() == sorted(server.mails.values())


def test_uids_up_to_the_highest_possible_are_read(rig: Rig, server: ScriptedImap):
    server.mails = {1: mail(1), 2**31: mail(2), 2**32 - 1: mail(3)}

    assert rig.once(imap(server))

    assert len(rig.master.raws()) == 3
    assert rig.master.receipts[-1].listed == 3


def test_idle_passes_over_an_unchanged_folder_fetch_nothing(rig: Rig, server: ScriptedImap):
    rig.serve(imap(server, poll_seconds=0.05))

    wait_until(lambda: len(server.said("EXAMINE")) >= 5)

    assert len(rig.master.pushed()) == 5
    assert len(server.said("SEARCH")) == 1
    assert server.said(r"\*") == []


def test_a_server_without_uidnext_is_read(rig: Rig, server: ScriptedImap):
    server.tells_uidnext = False

    rig.serve(imap(server, poll_seconds=0.05))

    wait_until(lambda: len(rig.master.receipts) >= 3)
    assert len(rig.master.pushed()) == 5


@pytest.mark.parametrize("uidvalidity", [None, 0])
def test_a_server_without_uidvalidity_is_not_read_again_and_again(
    rig: Rig, server: ScriptedImap, uidvalidity: int | None
):
    server.uidvalidity = uidvalidity

    assert rig.once(imap(server))
    assert rig.once(imap(server))

    assert len(rig.master.pushed()) == 5


def test_an_empty_folder_ends_in_an_empty_receipt(rig: Rig, server: ScriptedImap):
    server.mails = {}

    assert rig.once(imap(server))

    assert rig.master.receipts[-1].listed == 0


def test_bye_is_followed_by_a_pause(rig: Rig, server: ScriptedImap):
    server.byes = ["LOGIN", "EXAMINE"]

    assert rig.once(imap(server))

    assert server.connections == 3


def test_the_stated_back_off_is_obeyed(server: ScriptedImap):
    server.logins = ["NO [THROTTLED] Suggested Backoff Time: 299961 milliseconds"]

    with pytest.raises(TemporaryError) as error:
        imap(server).connect()

    assert error.value.after == pytest.approx(299.961)


def test_a_server_that_is_unavailable_does_not_refuse_the_password(server: ScriptedImap):
    server.logins = ["NO [UNAVAILABLE] try later"]

    with pytest.raises(TemporaryError):
        imap(server).connect()


def test_a_port_where_nobody_listens_is_told(free_port: int, server: ScriptedImap):
    server.port = free_port

    with pytest.raises(TemporaryError, match="connecting to"):
        imap(server).connect()


def test_starttls_that_the_server_does_not_have_is_an_error(server: ScriptedImap):
    with pytest.raises(SourceError):
        imap(server, tls="starttls").connect()

    assert server.said("LOGIN") == []


def test_a_listing_longer_than_any_line_is_asked_for_in_pieces(server: ScriptedImap):
    uids = range(2**32 - 100_001, 2**32 - 1)
    server.mails = dict.fromkeys(uids, b"")

    with opened(server) as folder:
        windows = list(folder.windows())

    assert [uid for window in reversed(windows) for uid in window.listed()] == list(uids)
    assert len(server.said("SEARCH")) == 2


def test_a_server_that_dies_while_we_wait_is_noticed(
    rig: Rig, server: ScriptedImap, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(idle, "RENEW_SECONDS", 0.3)
    server.capabilities = "IMAP4rev1 IDLE"
    server.deaf = True

    rig.serve(imap(server, timeout_seconds=0.5))

    wait_until(lambda: any("waiting for news" in error for error in rig.master.errors))
    server.deaf = False
    server.mails[6] = mail(6)
    wait_until(lambda: len(rig.master.raws()) == 6)


def test_one_answer_per_key(server: ScriptedImap):
    server.hidden[2] = 9
    del server.mails[3]

    with opened(server) as folder:
        answers = {mail.key: mail for mail in folder.fetch([1, 2, 3])}

    assert answers[1] == Fetched(1, mail(1))
    assert (answers[2].outcome, answers[3].outcome) == ("refused", "gone")
