"""The Dovecot of the suite does what other tests rely on."""

import ssl

import pytest
from imapclient import IMAPClient

from tests.servers.dovecot import Dovecot
from tests.waiting import wait_until

MAILS = [f"Subject: {n}\r\n\r\nmail {n} caf\xe9\r\n".encode("latin-1") for n in range(5)]


def _login(dovecot: Dovecot, user: str = "work") -> IMAPClient:
    context = ssl.create_default_context(cafile=str(dovecot.certificate))
    client = IMAPClient(dovecot.host, dovecot.ports.imaps, ssl_context=context)
    client.login(user, dovecot.users[user])
    return client


def _bodies(dovecot: Dovecot, folder: str = "INBOX") -> dict[int, bytes]:
    with _login(dovecot) as client:
        client.select_folder(folder, readonly=True)
        fetched = client.fetch(client.search(), ["BODY.PEEK[]"])
        return {uid: item[b"BODY[]"] for uid, item in fetched.items()}


@pytest.mark.parametrize("folder", ["INBOX", "Work/Pläne"])
def test_delivered_mails_come_back_byte_for_byte_and_in_order(
    dovecot: Dovecot, folder: str
) -> None:
    dovecot.deliver("work", MAILS, folder)
    assert _bodies(dovecot, folder) == dict(enumerate(MAILS, 1))


def test_received_becomes_the_internal_date(dovecot: Dovecot) -> None:
    dovecot.deliver("work", MAILS[:1], received=1_600_000_000)
    with _login(dovecot) as client:
        client.select_folder("INBOX")
        date = client.fetch([1], ["INTERNALDATE"])[1][b"INTERNALDATE"]
    assert date.timestamp() == 1_600_000_000


def test_expunge_takes_from_the_middle(dovecot: Dovecot) -> None:
    dovecot.deliver("work", MAILS)
    dovecot.expunge("work", [2, 3])
    dovecot.save("work", b"Subject: late\r\n\r\n\r\n")
    assert dovecot.uids("work") == [1, 4, 5, 6]


def test_renumber_gives_other_uids_under_another_uidvalidity(dovecot: Dovecot) -> None:
    dovecot.deliver("work", MAILS)
    before, uidvalidity = _bodies(dovecot), dovecot.uidvalidity("work")
    dovecot.renumber("work")
    assert _bodies(dovecot) == {6 - uid: raw for uid, raw in before.items()}
    assert dovecot.uidvalidity("work") != uidvalidity


def test_set_uidvalidity_keeps_the_uids(dovecot: Dovecot) -> None:
    dovecot.deliver("work", MAILS)
    dovecot.set_uidvalidity("work", 777)
    assert (dovecot.uidvalidity("work"), dovecot.uids("work")) == (777, [1, 2, 3, 4, 5])


def test_users_are_apart_and_can_be_kicked(dovecot: Dovecot) -> None:
    dovecot.set_password("late", "late-secret")
    client = _login(dovecot, "late")
    wait_until(lambda: dovecot.who() == ["late"], what="the login to be listed")
    dovecot.kick("late")
    wait_until(lambda: dovecot.who() == [], what="the kick")
    with pytest.raises(IMAPClient.AbortError):
        client.noop()
    client.shutdown()


def test_mail_outlives_a_stop(dovecot: Dovecot) -> None:
    dovecot.deliver("work", MAILS)
    dovecot.stop()
    dovecot.start()
    assert len(_bodies(dovecot)) == 5


def test_commands_of_clients_are_recorded(dovecot: Dovecot) -> None:
    dovecot.record("work")
    dovecot.deliver("work", MAILS)
    _bodies(dovecot)
    assert any("BODY.PEEK[]" in line for line in dovecot.commands("work"))
