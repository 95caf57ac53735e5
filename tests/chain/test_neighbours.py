"""Mailboxes of one provider: the trouble of one is not the trouble of the others."""

from collections.abc import Callable, Iterator

import pytest

from tests.chain.conftest import Account
from tests.chain.mails import hashes, mails
from tests.long import one_in
from tests.servers.daemons import Daemons
from tests.servers.scripted_imap import ScriptedImap
from tests.waiting import wait_until


@pytest.fixture
def servers() -> Iterator[tuple[ScriptedImap, ScriptedImap]]:
    """One in trouble, one that is well; both tell of new mail by IDLE."""
    ill, well = (ScriptedImap({1: raw}).start() for raw in mails(2))
    for server in (ill, well):
        server.capabilities = "IMAP4rev1 IDLE"
    yield ill, well
    ill.close()
    well.close()


def account(server: ScriptedImap) -> Account:
    place = {"server": server.host, "port": server.port, "tls": "none", "poll_seconds": 0.2}
    return {**place, "username": "me", "password": "secret-of-mine"}


def throttle(server: ScriptedImap) -> None:
    server.logins = ["NO [THROTTLED] Suggested Backoff Time: 299961 milliseconds"] * 100


def refuse(server: ScriptedImap) -> None:
    server.logins = ["NO [AUTHENTICATIONFAILED] Invalid credentials"] * 100


def freeze(server: ScriptedImap) -> None:
    server.frozen = "LOGIN"


def freeze_in_a_body(server: ScriptedImap) -> None:
    server.frozen = r"UID FETCH \S+ .*BODY.PEEK\[\]"


def hang_up(server: ScriptedImap) -> None:
    server.byes = ["LOGIN"] * 100


TROUBLES = {
    throttle: "trying again in 300 s",
    refuse: "password refused",
    freeze: "",
    freeze_in_a_body: "",
    hang_up: "trying again in",
}


@pytest.mark.parametrize(("trouble", "said"), one_in(3, list(TROUBLES.items())))
def test_a_mailbox_in_trouble_leaves_the_others_undisturbed(
    daemons: Callable[..., Daemons],
    servers: tuple[ScriptedImap, ScriptedImap],
    trouble: Callable[[ScriptedImap], None],
    said: str,
) -> None:
    ill, well = servers
    trouble(ill)
    # One lane: what the one mailbox kept to itself, the other would lack.
    chain = daemons({"ill": account(ill), "well": account(well)}, {"provider": {"lanes": 1}})
    chain.start("api", "master")
    chain.provide()
    wait_until(lambda: ill.said(ill.frozen or "LOGIN"), 30, "the trouble")
    wait_until(lambda: said in chain.log("provider"), 30, f"{said!r} in the log")
    wait_until(lambda: len(chain.hashes()) == 1, 30, "the first mail")

    well.mails[2] = mails(1, first=3)[0]

    wait_until(lambda: len(chain.hashes()) == 2, 30, "the new mail")
    assert sorted(chain.hashes()) == hashes(well.mails.values())
    tries = ill.connections
    assert tries <= 10, "it is not left alone"
    shown = {each["name"]: each for each in chain.get("/v1/mailboxes")["items"]}
    assert shown["well"]["error"] == ""
