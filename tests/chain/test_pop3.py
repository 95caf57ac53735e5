"""A POP3 mailbox through the whole chain: the same promises as by IMAP."""

from collections.abc import Callable

import pytest

from tests.chain.conftest import Account, account
from tests.chain.mails import hashes, mails
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop3 import ScriptedPop3
from tests.waiting import wait_until


def pop3_account(dovecot: Dovecot) -> Account:
    return account(dovecot, source="pop3", port=dovecot.ports.pop3s)


@pytest.fixture
def chain(dovecot: Dovecot, daemons: Callable[..., Daemons]) -> Daemons:
    """API and master, running, for the mailbox `work`."""
    running = daemons({"work": pop3_account(dovecot)})
    running.start("api", "master")
    return running


def test_five_hundred_mails_come_once_and_are_not_fetched_again(
    dovecot: Dovecot, chain: Daemons
) -> None:
    raws = mails(500)
    dovecot.deliver("work", raws)

    chain.pull()
    first = dovecot.retrieved()
    chain.pull()

    assert sorted(chain.hashes()) == hashes(raws)
    assert (first, dovecot.retrieved()) == (500, 500)
    receipt = chain.last_receipt()
    assert (receipt["listed"], receipt["stored"], receipt["missing"]) == (500, 500, 0)
    assert len(dovecot.uids("work")) == 500


def test_new_uidls_for_all_mails_cost_no_bodies(dovecot: Dovecot, chain: Daemons) -> None:
    raws = mails(100)
    dovecot.deliver("work", raws)
    chain.pull()
    dovecot.set_uidl_format("%f")
    late = mails(2, first=500)
    dovecot.deliver("work", late)

    chain.pull()

    assert sorted(chain.hashes()) == hashes(raws + late)
    assert chain.last_receipt()["stored"] == 102
    assert dovecot.retrieved() == 102


def test_mails_deleted_by_another_client_are_kept(dovecot: Dovecot, chain: Daemons) -> None:
    raws = mails(30)
    dovecot.deliver("work", raws)
    chain.pull()
    dovecot.expunge("work", range(1, 11))
    late = mails(5, first=100)
    dovecot.deliver("work", late)

    chain.pull()

    assert sorted(chain.hashes()) == hashes(raws + late)
    assert chain.last_receipt()["listed"] == 25


def test_a_server_without_uidl_and_top_is_read_once_over_restarts(
    daemons: Callable[..., Daemons],
) -> None:
    raws = mails(20)
    server = ScriptedPop3({str(number): raw for number, raw in enumerate(raws)}).start()
    server.capabilities, server.unknown = [], {"UIDL", "TOP"}
    work = {"source": "pop3", "server": server.host, "port": server.port, "tls": "none"}
    chain = daemons({"work": {**work, "username": "work", "password": "secret"}})
    chain.start("api", "master")

    chain.pull()
    del server.mails["0"]
    chain.pull()
    server.close()

    assert sorted(chain.hashes()) == hashes(raws)
    assert chain.last_receipt()["stored"] == 19


def test_the_state_says_that_another_client_has_the_maildrop(
    daemons: Callable[..., Daemons],
) -> None:
    server = ScriptedPop3({"one": mails(1)[0]}).start()
    assert server.take()
    work = {"source": "pop3", "server": server.host, "port": server.port, "tls": "none"}
    chain = daemons({"work": {**work, "username": "work", "password": "secret"}})
    chain.start("api", "master")
    chain.provide()

    wait_until(lambda: "another client has" in str(chain.get("/v1/mailboxes")), 20, "the state")
    server.release()
    wait_until(lambda: len(chain.hashes()) == 1, 20, "the mail")
    server.close()
