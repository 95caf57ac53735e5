"""An IMAP mailbox, read by the provider from a real Dovecot."""

import ssl
import threading
from pathlib import Path

import pytest

from postroom import tls, wire
from postroom.credentials import Credentials
from postroom.errors import CredentialError, SettingsError, SourceError
from provider.sources.imap import ImapSource
from provider.sources.imap.options import ImapOptions
from tests.servers.dovecot import Dovecot
from tests.stubs.rig import Rig, imap, mail
from tests.waiting import wait_until


def test_a_thousand_mails_come_once_and_a_second_pass_fetches_none(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", (mail(n) for n in range(1_000)))
    dovecot.record("work")

    assert rig.once(imap(dovecot))
    assert rig.once(imap(dovecot))

    assert rig.master.raws() == sorted(mail(n) for n in range(1_000))
    assert len(rig.master.pushed()) == 1_000
    first, second = rig.master.receipts
    assert (first.listed, first.stored, first.missing) == (1_000, 1_000, 0)
    assert second == first
    bodies = [line for line in dovecot.commands("work") if "BODY.PEEK[]" in line]
    assert len(bodies) == 1_000 // rig.master.limits.batch_items


def test_nothing_is_marked_as_read(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", [mail(1), mail(2)])

    rig.once(imap(dovecot))

    found = dovecot.admin("-f", "flow", "fetch", "-u", "work", "flags", "mailbox", "INBOX")
    assert "Seen" not in found
    assert list((dovecot.maildir("work") / "cur").iterdir()) == []


def test_mails_that_were_expunged_are_not_missing(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", (mail(n) for n in range(10)))
    rig.once(imap(dovecot))
    dovecot.expunge("work", [3, 4, 7])
    dovecot.deliver("work", [mail(11)])

    assert rig.once(imap(dovecot))

    assert rig.master.receipts[-1].listed == 8
    assert len(rig.master.raws()) == 11


def test_a_new_uidvalidity_downloads_nothing_that_the_store_knows(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", (mail(n) for n in range(50)))
    rig.once(imap(dovecot))
    dovecot.renumber("work")
    dovecot.deliver("work", [mail(100)])

    assert rig.once(imap(dovecot))

    assert rig.master.receipts[-1].stored == 51
    assert set(rig.master.downloaded.values()) == {1}
    assert len(rig.master.downloaded) == 51


def test_uids_given_anew_in_silence_are_noticed(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", (mail(n) for n in range(20)))
    uidvalidity = dovecot.uidvalidity("work")
    rig.once(imap(dovecot))
    dovecot.renumber("work")
    dovecot.deliver("work", [mail(100)])
    dovecot.set_uidvalidity("work", uidvalidity)

    assert rig.once(imap(dovecot))

    assert len(rig.master.raws()) == 21
    assert [told for told in rig.master.asked(wire.Pass) if told.window][-1].generation == 1


def test_two_mails_with_equal_headers_both_arrive(rig: Rig, dovecot: Dovecot):
    twins = [mail(1, b"one\r\n"), mail(1, b"two\r\n")]
    dovecot.deliver("work", twins)
    rig.once(imap(dovecot))
    dovecot.renumber("work")

    assert rig.once(imap(dovecot))

    assert rig.master.raws() == sorted(twins)
    assert rig.master.receipts[-1].stored == 2


def test_another_account_under_the_same_name_counts_nothing_as_held(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", [mail(1)])
    dovecot.deliver("home", [mail(2)])
    rig.once(imap(dovecot))

    rig.once(imap(dovecot, "home"))

    assert rig.master.raws() == [mail(1), mail(2)]
    assert {place.epoch for place in rig.master.held} == {1, 2}


def test_new_mail_is_told_by_the_server(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", [mail(1)])
    rig.serve(imap(dovecot))
    wait_until(lambda: rig.master.asked(wire.Pass))

    # Its next look is a minute away.
    dovecot.save("work", mail(2))

    wait_until(lambda: len(rig.master.raws()) == 2)


def test_a_server_that_was_away_is_read_again(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", [mail(1)])
    rig.serve(imap(dovecot))
    wait_until(rig.master.raws)

    dovecot.stop()
    wait_until(lambda: rig.master.errors)
    dovecot.deliver("work", [mail(2)])
    dovecot.start()

    wait_until(lambda: len(rig.master.raws()) == 2, seconds=20)


def test_connections_that_are_cut_lose_nothing(rig: Rig, dovecot: Dovecot):
    mails = [mail(n, b"x" * 20_000 + b"\r\n") for n in range(300)]
    dovecot.deliver("work", mails)
    rig.serve(imap(dovecot))
    wait_until(rig.master.raws)

    dovecot.kick("work")

    wait_until(lambda: len(rig.master.raws()) == 300, seconds=20)
    assert set(rig.master.downloaded.values()) == {1}


def test_a_refused_password_is_told_in_words_without_the_password(rig: Rig, dovecot: Dovecot):
    source = imap(dovecot, "work", "not-the-one")

    with pytest.raises(SourceError, match="user name or password refused") as error:
        source.connect()

    assert "not-the-one" not in str(error.value)


def test_a_mailbox_with_a_refused_password_disturbs_no_other(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("home", [mail(1)])

    rig.serve(imap(dovecot, "work", "not-the-one"), "work")
    rig.serve(imap(dovecot, "home"), "home")

    wait_until(lambda: rig.master.raws("home"))
    wait_until(lambda: any("password refused" in error for error in rig.master.errors))


def test_a_password_of_any_characters_logs_in(dovecot: Dovecot):
    passwords = {"quote": 'qu"ote\\', "space": "with space", "russian": "пароль"}
    for user, password in passwords.items():
        dovecot.set_password(user, password)

    for user, password in passwords.items():
        source = imap(dovecot, user, password)
        source.connect()

        assert source.folders() == ["INBOX"]
        source.close()


def test_the_certificate_is_verified(dovecot: Dovecot):
    options = {"tls": "ssl", "port": dovecot.ports.imaps}
    trusted = imap(dovecot, ca_file=str(dovecot.certificate), **options)
    trusted.connect()
    trusted.close()

    with pytest.raises(SourceError, match="certificate is not trusted"):
        imap(dovecot, **options).connect()


def test_starttls_verifies_too(dovecot: Dovecot):
    trusted = imap(dovecot, tls="starttls", ca_file=str(dovecot.certificate))
    trusted.connect()
    trusted.close()

    with pytest.raises(SourceError, match="certificate is not trusted"):
        imap(dovecot, tls="starttls").connect()


def test_certificate_and_host_name_are_both_checked():
    context = tls.context(None)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert tls.context(None) is context


def test_folders_are_names_and_patterns(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", [mail(1)], "INBOX")
    dovecot.deliver("work", [mail(2)], "Lists/Büro")
    dovecot.deliver("work", [mail(3)], "Trash")

    assert rig.once(imap(dovecot, folders=("INBOX", "Lists/*")))

    assert {place.folder for place in rig.master.held} == {"INBOX", "Lists/Büro"}


def test_a_missing_folder_holds_up_no_other(rig: Rig, dovecot: Dovecot):
    dovecot.deliver("work", [mail(1)])

    rig.serve(imap(dovecot, folders=("Nowhere", "INBOX")))

    wait_until(rig.master.raws)
    wait_until(lambda: any("Nowhere" in error for error in rig.master.errors))


def test_a_large_mail_goes_in_parts(rig: Rig, dovecot: Dovecot):
    large = mail(1, (b"x" * 998 + b"\r\n") * 9_600)
    dovecot.deliver("work", [mail(0), large])

    assert rig.once(imap(dovecot))

    assert large in rig.master.raws()
    assert len(rig.master.asked(wire.Part)) == 3


def test_a_mail_over_the_limit_is_told_as_too_big(rig: Rig, dovecot: Dovecot):
    rig.master.limits = wire.Limits(mail_bytes=6_000_000)
    dovecot.deliver("work", [mail(0), mail(1, (b"x" * 998 + b"\r\n") * 9_600)])

    assert rig.once(imap(dovecot))

    assert rig.master.statuses() == {"stored": 1, "too_big": 1}


def test_a_huge_mailbox_is_listed_in_windows_that_touch(dovecot: Dovecot):
    dovecot.deliver("work", (mail(n) for n in range(12)))
    dovecot.expunge("work", [5, 6])
    source = imap(dovecot)
    source.connect()

    (window,) = source.open("INBOX").windows()

    assert (window.low, window.high) == (1, 12)
    assert window.ranges == [(1, 4), (7, 12)]
    source.close()


def test_waiting_ends_at_once_when_told_to_stop(dovecot: Dovecot):
    source = imap(dovecot)
    source.connect()
    source.folders()
    source.open("INBOX")
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()

    assert source.wait(60, stop) is False
    source.close()


def test_what_is_missing_is_told():
    with pytest.raises(SettingsError, match="no server"):
        ImapSource(ImapOptions(), Credentials("me", "secret"), Path)
    with pytest.raises(CredentialError, match="no user name or no password"):
        ImapSource(ImapOptions(server="localhost"), Credentials(), Path)
