"""An account's connections are limited, and its mailboxes take turns."""

import threading
from collections.abc import Iterator

import pytest

from postroom import wire
from provider.turns import Turns
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_imap import ScriptedImap
from tests.stubs.rig import Rig, imap, mail
from tests.waiting import wait_until

NO = threading.Event()


@pytest.fixture
def server() -> Iterator[ScriptedImap]:
    server = ScriptedImap({uid: mail(uid) for uid in range(1, 6)})
    server.capabilities = "IMAP4rev1 IDLE"
    server.start()
    yield server
    server.close()


@pytest.mark.parametrize("connections", [1, 2])
def test_more_mailboxes_than_connections_all_get_their_mail(
    rig: Rig, server: ScriptedImap, connections: int
):
    names = ["one", "two", "three"]
    for name in names:
        source = imap(server, folders=(name, "INBOX"), connections=connections, poll_seconds=0.05)
        rig.serve(source, name)
    wait_until(lambda: all(len(rig.master.raws(name)) == 5 for name in names))

    server.mails[6] = mail(6)
    wait_until(lambda: all(len(rig.master.raws(name)) == 6 for name in names))

    assert server.most_logged_in <= connections


def test_one_without_news_gives_its_connection_back_too(rig: Rig, server: ScriptedImap):
    server.capabilities = "IMAP4rev1"
    options = {"connections": 1, "poll_seconds": 0.05}
    assert rig.once(imap(server, **options), "quiet")

    rig.serve(imap(server, **options), "quiet")
    wait_until(lambda: server.connections == 2)
    rig.serve(imap(server, **options), "late")

    wait_until(lambda: len(rig.master.raws("late")) == 5)
    assert server.most_logged_in == 1


def test_the_limit_holds_at_a_real_server(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", [mail(number) for number in range(20)])
    names = ["one", "two", "three"]
    seen = []
    for name in names:
        rig.serve(imap(dovecot, folders=("INBOX", "Drafts*"), connections=1, poll_seconds=0.05),
                  name)  # fmt: skip

    def all_came() -> bool:
        seen.append(dovecot.who().count("work"))
        return all(len(rig.master.raws(name)) == 20 for name in names)

    wait_until(all_came, seconds=30)
    assert max(seen) <= 1


def test_enough_connections_are_kept(rig: Rig, server: ScriptedImap):
    for name in ("one", "two"):
        rig.serve(imap(server, connections=2, poll_seconds=0.05), name)

    wait_until(lambda: len(rig.master.asked(wire.Pass)) > 12)

    assert (server.connections, len(server.logged_in)) == (2, 2)


def test_other_accounts_have_their_own(rig: Rig, server: ScriptedImap):
    for user in ("ann", "bob"):
        rig.serve(imap(server, user, connections=1), user)

    wait_until(lambda: len(server.logged_in) == 2)


def test_one_that_fails_gives_its_connection_back(rig: Rig, server: ScriptedImap):
    server.logins = ["NO [AUTHENTICATIONFAILED] no"]
    rig.serve(imap(server, connections=1), "one")
    wait_until(lambda: rig.master.errors)

    assert rig.once(imap(server, connections=1), "two")


def test_one_that_waits_for_its_turn_gives_signs_of_life(rig: Rig, server: ScriptedImap):
    source = imap(server, connections=1)
    busy = rig.shared.accounts.of(source.fingerprint).turns.join(1)
    assert busy.take(0, NO)

    rig.serve(source)

    wait_until(lambda: len(rig.master.asked(wire.Pass)) > 2)
    assert server.connections == 0
    busy.give_back()
    wait_until(lambda: len(rig.master.raws()) == 5)


def test_first_come_first_served():
    turns = Turns()
    one, two, three = (turns.join(1) for _ in range(3))
    assert one.take(0, NO)
    assert not two.take(0, NO)
    assert not three.take(0, NO)

    one.give_back()

    assert not three.take(0, NO)
    assert two.take(0, NO)


def test_one_that_gives_up_its_place_lets_the_next_pass():
    turns = Turns()
    one, two, three = (turns.join(1) for _ in range(3))
    assert one.take(0, NO)
    assert not two.take(0, NO)
    two.leave()
    one.give_back()

    assert three.take(0, NO)


def test_the_smallest_limit_holds_and_those_that_left_need_none():
    turns = Turns()
    one, _, three = turns.join(0), turns.join(2), turns.join(3)
    before = one.is_short

    three.leave()

    assert (before, one.is_short) == (True, False)
