"""A server that goes silent: IDLE is renewed in time, and no call waits for ever."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from postroom import wire
from postroom.errors import TemporaryError
from provider.sources.imap import ImapSource, idle
from tests.servers.scripted_imap import ScriptedImap
from tests.stubs.rig import Rig, imap, mail
from tests.waiting import wait_until


@pytest.fixture
def server() -> Iterator[ScriptedImap]:
    with ScriptedImap({uid: mail(uid) for uid in range(1, 4)}) as server:
        server.capabilities = "IMAP4rev1 IDLE"
        yield server


@pytest.fixture
def patient() -> Iterator[Rig]:
    """A rig whose signs of life are so far apart that they end no IDLE."""
    rig = Rig(heartbeat_seconds=600)
    yield rig
    rig.close()


def test_idle_is_renewed_in_time(
    patient: Rig, server: ScriptedImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert idle.RENEW_SECONDS <= 9 * 60
    monkeypatch.setattr(idle, "RENEW_SECONDS", 0.1)

    patient.serve(imap(server, poll_seconds=600))

    wait_until(lambda: len(server.said("^DONE$")) >= 3)
    turns = server.said("^(IDLE|DONE)$")
    assert turns[:6] == ["IDLE", "DONE"] * 3
    assert server.connections == 1


def test_signs_of_life_do_not_end_idle(rig: Rig, server: ScriptedImap) -> None:
    rig.serve(imap(server, poll_seconds=600))
    wait_until(lambda: server.said("^IDLE$"))
    before = len(rig.master.asked(wire.Pass))

    wait_until(lambda: len(rig.master.asked(wire.Pass)) >= before + 3)

    assert not server.said("^DONE$")


def look(source: ImapSource) -> None:
    """All that a pass says to a server, and the waiting after it."""
    source.connect()
    source.folders()
    folder = source.open("INBOX")
    list(folder.windows())
    folder.sizes([1])
    list(folder.fetch([1]))
    list(folder.stream(1, 10))
    folder.samples([1])
    folder.digests([1])
    source.wait(0.05, threading.Event())


CALLS = {
    "the greeting": r"\*",
    "CAPABILITY": "CAPABILITY",
    "LOGIN": "LOGIN",
    "LIST": "LIST",
    "EXAMINE": "EXAMINE",
    "SEARCH": "UID SEARCH",
    "the size": r"UID FETCH \S+ .*RFC822.SIZE",
    "the body": r"UID FETCH \S+ .*BODY.PEEK\[\]",
    "a part of the body": r"UID FETCH \S+ .*BODY.PEEK\[\]<",
    "a header": r"UID FETCH \S+ .*HEADER",
    "NOOP": "NOOP",
    "IDLE": "IDLE",
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_server_that_freezes_in_any_call_is_left(server: ScriptedImap, call: str) -> None:
    server.frozen = call

    with (
        closing(imap(server, timeout_seconds=0.3, folders=("INBOX", "L*"))) as source,
        pytest.raises(TemporaryError),
    ):
        look(source)

    assert call == r"\*" or server.said(f"^{call}")


def test_all_that_a_pass_says_is_answered_by_a_server_that_is_well(server: ScriptedImap) -> None:
    with closing(imap(server, folders=("INBOX", "L*"))) as source:
        look(source)


@pytest.mark.parametrize("freeze", ["IDLE", "NOOP"])
def test_a_server_that_freezes_while_we_wait_is_found_out_and_read_again(
    rig: Rig, server: ScriptedImap, freeze: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "RENEW_SECONDS", 0.3)
    rig.serve(imap(server, timeout_seconds=0.5))
    wait_until(lambda: server.said("IDLE"))

    server.frozen = freeze

    wait_until(lambda: any("waiting for news" in error for error in rig.master.errors))
    server.frozen = ""
    server.mails[4] = mail(4)
    wait_until(lambda: len(rig.master.raws()) == 4)
