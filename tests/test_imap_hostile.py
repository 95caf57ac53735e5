"""IMAP servers at their worst: whatever they do, no mail is lost, doubled or held up by it.

What must hold in each test is looked at by `Hostile`.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from postroom.errors import PostroomError, SourceError
from tests.servers.bad_tls import FAULTS, BadTls
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_imap import ScriptedImap
from tests.stubs.hostile import Hostile
from tests.stubs.rig import Rig, imap, mail
from tests.waiting import wait_until

STATES = ["", "CAPABILITY", "LOGIN", "EXAMINE", "UID SEARCH", "UID FETCH"]
THROTTLED = "[THROTTLED] Suggested Backoff Time: 299961 milliseconds"
#: What is told of a server that nobody can talk to in safety.
TLS_WORDS = {
    "expired": "certificate has expired",
    "wrong host": "not valid for 'localhost'",
    "self-signed": "self-signed certificate",
    "unknown authority": "unable to get local issuer certificate",
    # That server may say no before it is asked.
    "old protocol": "no TLS 1.2 or newer|before TLS begins",
}


@pytest.fixture
def world() -> Iterator[Hostile]:
    world = Hostile()
    yield world
    world.close()


@pytest.fixture
def server() -> Iterator[ScriptedImap]:
    with ScriptedImap({1: mail(1)}) as server:
        yield server


# --- connections that end


@pytest.mark.parametrize("state", STATES, ids=lambda state: state or "greeting")
def test_bye_at_any_time_loses_nothing_and_is_told(world: Hostile, state: str):
    world.server.byes = [state, state]

    world.brings_all()

    assert "too busy" in world.told


@pytest.mark.parametrize("state", STATES, ids=lambda state: state or "greeting")
def test_a_connection_that_ends_at_any_time_loses_nothing_and_is_told(world: Hostile, state: str):
    world.server.ends = [state, state]

    world.brings_all()

    assert world.told


def test_bye_in_idle_loses_nothing(world: Hostile):
    world.server.capabilities, world.server.idle_byes = "IMAP4rev1 IDLE", 2
    world.serve()
    wait_until(lambda: not world.server.idle_byes)

    world.server.mails[6] = mail(6)

    world.brings_all()


def test_a_server_that_always_says_bye_is_not_stormed(world: Hostile):
    world.server.byes = ["LOGIN"] * 1_000

    world.serve()

    # A sign of life comes five times a second.
    wait_until(lambda: len(world.rig.master.errors) >= 20)
    assert world.server.connections <= 6


# --- back off, said by the server


@pytest.mark.parametrize("state", ["", "LOGIN", "EXAMINE", "UID FETCH"])
def test_the_time_that_a_server_asks_for_is_kept(world: Hostile, state: str):
    world.server.bye, world.server.byes = THROTTLED, [state] * 1_000

    world.serve()

    wait_until(lambda: len(world.rig.master.errors) >= 20)
    assert world.server.connections == 1
    assert "Suggested Backoff Time" in world.told


def test_the_time_asked_for_in_idle_is_kept(world: Hostile):
    world.server.capabilities = "IMAP4rev1 IDLE"
    world.server.bye, world.server.idle_byes = THROTTLED, 1_000

    world.serve()

    wait_until(lambda: len(world.rig.master.errors) >= 20)
    assert world.server.connections == 1


def test_a_server_that_is_unavailable_is_tried_again_and_the_password_not_blamed(world: Hostile):
    world.server.logins = ["NO [UNAVAILABLE] user database is down"] * 2

    world.brings_all()

    assert "user database is down" in world.told
    assert "password" not in world.told


# --- numbers


def test_after_a_new_uidvalidity_the_old_are_known_and_the_new_come(world: Hostile):
    world.brings_all()
    world.server.mails = {uid: mail(6 - uid) for uid in range(1, 6)} | {6: mail(6), 7: mail(7)}

    world.server.uidvalidity = 8

    world.brings_all()


def test_uids_with_gaps_up_to_the_highest_are_read(world: Hostile):
    world.server.mails |= {1_000: mail(6), 2**31: mail(7), 2**32 - 2: mail(8)}

    world.brings_all()


def test_uids_that_vanish_from_the_listing_are_kept(world: Hostile):
    world.brings_all()

    vanished = [world.server.mails.pop(uid) for uid in (1, 2, 3)]
    world.server.mails[6] = mail(6)

    world.brings_all(*vanished)


def test_three_hundred_thousand_uids_are_listed_once_each(server: ScriptedImap):
    server.mails = dict.fromkeys(range(1, 300_001), b"")

    with closing(imap(server)) as source:
        source.connect()
        windows = list(source.open("INBOX").windows())

    assert [uid for w in reversed(windows) for uid in w.listed()] == list(range(1, 300_001))


# --- mails and what is said of them


def test_sizes_that_are_left_out_are_not_needed(world: Hostile):
    world.server.sizeless = {1, 3, 5}

    world.brings_all()


def test_a_mail_of_thirty_megabytes_holds_up_no_small_one(world: Hostile):
    world.server.mails[3] = mail(3, b"x" * 30_000_000)

    world.brings_all()


def test_lines_of_a_hundred_thousand_bytes_are_read(world: Hostile):
    world.server.mails[3] = mail(3, b"x" * 100_000 + b"\r\n")
    world.server.noise = b"* OK [ALERT] " + b"y" * 100_000 + b"\r\n"

    world.brings_all()


def test_a_line_without_end_is_given_up(world: Hostile):
    world.server.noise = b"* OK " + b"y" * 5_000_000
    world.serve()
    wait_until(lambda: world.rig.master.errors)

    world.server.noise = b""

    world.brings_all()


def test_all_at_once_is_borne(world: Hostile):
    server = world.server
    server.odd, server.size_factor, server.uidvalidity = True, 3, None
    server.hidden[2], server.cuts[4], server.byes = 1, 1, ["EXAMINE"]

    world.brings_all()


def test_one_mail_under_three_labels_is_one_content_in_three_places(dovecot: Dovecot):
    labels = ("INBOX", "[Gmail]/All Mail", "[Gmail]/Étiquette")
    for label in labels:
        dovecot.deliver("work", [mail(1)], label)
    rig = Rig()

    assert rig.once(imap(dovecot, folders=labels))

    assert {place.folder for place in rig.master.held} == set(labels)
    assert rig.master.raws() == [mail(1)]
    rig.close()


@pytest.mark.parametrize("name", ["Büro & Co", "Отправленные", "送信済み/年", "a&b", "📬", 'q"u'])
def test_folders_of_any_name_are_read(dovecot: Dovecot, name: str):
    dovecot.deliver("work", [mail(1)], name)
    rig = Rig()

    assert rig.once(imap(dovecot, folders=(name,)))
    assert rig.once(imap(dovecot, folders=("*",)))

    assert rig.master.raws() == [mail(1)]
    assert name in {place.folder for place in rig.master.held}
    rig.close()


# --- TLS


@pytest.mark.parametrize("tls", ["ssl", "starttls"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_with_bad_tls_never_sees_the_password(
    server: ScriptedImap, tmp_path: Path, tls: str, fault: str
):
    bad = BadTls(tmp_path, fault)
    secure(server, bad, tls)

    with pytest.raises(SourceError, match=TLS_WORDS[fault]):
        imap(server, tls=tls, server="localhost", timeout_seconds=5, **bad.trust()).connect()

    assert server.said("LOGIN|AUTHENTICATE") == []


@pytest.mark.parametrize("tls", ["ssl", "starttls"])
def test_the_same_server_without_a_fault_is_trusted(server: ScriptedImap, tmp_path: Path, tls: str):
    good = BadTls(tmp_path, "none")
    secure(server, good, tls)

    with closing(imap(server, tls=tls, server="localhost", **good.trust())) as source:
        source.connect()

    assert server.said("LOGIN")


@pytest.mark.parametrize(
    "injected", [b"* CAPABILITY IMAP4rev1\r\n", b"A3 OK [CAPABILITY IMAP4rev1] in\r\n"]
)
def test_what_is_slipped_in_before_tls_is_refused(
    server: ScriptedImap, tmp_path: Path, injected: bytes
):
    good = BadTls(tmp_path, "none")
    secure(server, good, "starttls")
    server.injected = injected

    with pytest.raises(SourceError, match="before TLS begins"):
        imap(server, tls="starttls", server="localhost", **good.trust()).connect()

    assert server.said("LOGIN|AUTHENTICATE") == []


def test_a_greeting_that_skips_starttls_is_refused(server: ScriptedImap):
    server.greeting = b"* PREAUTH welcome\r\n"
    server.capabilities = "IMAP4rev1 STARTTLS"

    with pytest.raises(PostroomError):
        imap(server, tls="starttls", server="localhost").connect()

    assert server.said("LOGIN|AUTHENTICATE|EXAMINE") == []


def test_a_port_without_tls_is_told_as_such(server: ScriptedImap):
    with pytest.raises(SourceError, match="is no TLS"):
        imap(server, tls="ssl", server="localhost").connect()


def secure(server: ScriptedImap, tls: BadTls, how: Any) -> None:
    """Let the server speak TLS at once, or after STARTTLS."""
    server.tls, server.starttls = tls.context, how == "starttls"
    server.capabilities = "IMAP4rev1 STARTTLS" if server.starttls else "IMAP4rev1"
