"""The POP3 source against a real Dovecot."""

from pathlib import Path
from typing import Any

import pytest

from postroom.credentials import Credentials
from postroom.errors import CredentialError, SettingsError, SourceError, TemporaryError
from provider.sources import load
from provider.sources.pop3 import Pop3Source
from provider.sources.pop3.options import Pop3Options
from tests.chain.mails import mails
from tests.servers.bad_tls import FAULTS, BadTls
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop3 import ScriptedPop3
from tests.stubs.rig import Rig, mail, pop3


def test_all_mails_arrive_byte_for_byte_and_are_left_there(rig: Rig, dovecot: Dovecot):
    raws = mails(30)
    dovecot.deliver("work", raws)

    assert rig.once(pop3(dovecot))

    assert rig.master.raws() == sorted(raws)
    assert len(dovecot.uids("work")) == 30
    assert rig.master.receipts[-1].listed == 30


def test_a_second_pass_fetches_nothing(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", mails(5))
    rig.once(pop3(dovecot))

    assert rig.once(pop3(dovecot))

    assert len(rig.master.pushed()) == 5


def test_a_line_longer_than_poplib_takes_arrives(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", [mail(1, b"x" * 100_000 + b"\r\n")])

    assert rig.once(pop3(dovecot))

    assert rig.master.raws() == [mail(1, b"x" * 100_000 + b"\r\n")]


def test_a_large_mail_goes_in_parts(rig: Rig, dovecot: Dovecot):
    large = mail(1, (b"x" * 998 + b"\r\n") * 9_000)
    dovecot.deliver("work", [large, *mails(3)])

    assert rig.once(pop3(dovecot))

    assert rig.master.raws() == sorted([large, *mails(3)])


def test_two_clients_cannot_have_the_maildrop_at_once(dovecot: Dovecot):
    dovecot.deliver("work", mails(1))
    dovecot.lock_maildrops()
    one, two = pop3(dovecot), pop3(dovecot)
    one.connect()
    try:
        with pytest.raises(TemporaryError, match="another client has the maildrop"):
            two.connect()
    finally:
        one.close()

    two.connect()
    two.close()


# --- logging in


def test_a_wrong_password_is_told(dovecot: Dovecot):
    with pytest.raises(SourceError, match="user name or password refused") as error:
        pop3(dovecot, "work", "wrong-one").connect()

    assert "wrong-one" not in str(error.value)


def test_the_certificate_is_verified(dovecot: Dovecot):
    options = {"tls": "ssl", "port": dovecot.ports.pop3s}
    trusted = pop3(dovecot, ca_file=str(dovecot.certificate), **options)
    trusted.connect()
    trusted.close()

    with pytest.raises(SourceError, match="certificate is not trusted"):
        pop3(dovecot, **options).connect()


def test_stls_verifies_too(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", mails(3))
    options = {"tls": "starttls", "ca_file": str(dovecot.certificate)}

    assert rig.once(pop3(dovecot, **options))
    with pytest.raises(SourceError, match="certificate is not trusted"):
        pop3(dovecot, tls="starttls").connect()


@pytest.mark.parametrize("tls", ["ssl", "starttls"])
@pytest.mark.parametrize("fault", FAULTS)
def test_servers_with_bad_tls_never_see_the_password(tmp_path: Path, tls: str, fault: str):
    bad, server = BadTls(tmp_path, fault), ScriptedPop3({}).start()
    server.tls, server.implicit = bad.context, tls == "ssl"
    options: dict[str, Any] = {"tls": tls, "server": "localhost", "timeout_seconds": 5}

    with pytest.raises((SourceError, TemporaryError)):
        pop3(server, **options, **bad.trust()).connect()
    server.close()

    assert server.said("USER|PASS") == []


@pytest.mark.parametrize("tls", ["ssl", "starttls"])
def test_the_same_server_without_a_fault_is_trusted(tmp_path: Path, tls: str):
    good, server = BadTls(tmp_path, "none"), ScriptedPop3({}).start()
    server.tls, server.implicit = good.context, tls == "ssl"

    source = pop3(server, tls=tls, server="localhost", **good.trust())
    source.connect()
    source.close()
    server.close()

    assert len(server.said("USER|PASS")) == 2


def test_stls_that_was_stripped_is_an_error():
    server = ScriptedPop3({}).start()
    server.unknown = {"STLS"}

    with pytest.raises(SourceError):
        pop3(server, tls="starttls").connect()
    server.close()

    assert server.said("USER|PASS") == []


def test_answers_injected_before_the_encryption_are_an_error():
    server = ScriptedPop3({}).start()
    server.injected = b"+OK\r\nTOP\r\n.\r\n"

    with pytest.raises(TemporaryError, match="before the encryption has begun"):
        pop3(server, tls="starttls").connect()
    server.close()

    assert server.said("USER|PASS") == []


# --- settings


def test_a_server_and_credentials_are_needed():
    with pytest.raises(SettingsError, match="no server"):
        Pop3Source(Pop3Options(), Credentials("work", "secret"), Path)
    with pytest.raises(CredentialError, match="no password"):
        Pop3Source(Pop3Options(server="localhost"), Credentials("work"), Path)


def test_a_first_that_says_nothing_is_refused():
    with pytest.raises(ValueError, match="expected all, newest N or since"):
        Pop3Options(first="some")


def test_a_password_with_a_line_end_sends_no_command(dovecot: Dovecot):
    with pytest.raises(TemporaryError, match="makes no sense"):
        pop3(dovecot, "work", "a\r\nDELE 1").connect()


def test_it_is_registered():
    assert load("pop3") is Pop3Source
