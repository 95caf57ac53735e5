"""The digest's mail on its way: real SMTP servers, over real TLS, in all their moods."""

import socket
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from postroom import settings
from postroom.errors import SettingsError, SourceError, TemporaryError
from postroom.mailer import Mailer
from postroom.settings import Digest
from postroom.smtp import plain
from tests.servers.bad_tls import FAULTS, BadTls
from tests.servers.ports import HOST, free_port
from tests.servers.scripted_smtp import ScriptedSmtp
from tests.servers.smtp import SmtpServer

ME, ANN, BOB = "postroom@example.org", "ann@example.org", "bob@example.org"
TLS_WORDS = {
    "expired": "certificate has expired",
    "wrong host": "not valid for 'localhost'",
    "self-signed": "self-signed certificate",
    "unknown authority": "unable to get local issuer certificate",
    # aiosmtpd hangs up without a word, in one way or another.
    "old protocol": "no TLS 1.2 or newer|before TLS begins|EOF occurred|reset by peer",
}
BY_TLS = pytest.mark.parametrize("tls", ["ssl", "starttls"])


@pytest.fixture
def good(tmp_path: Path) -> BadTls:
    return BadTls(tmp_path, "none")


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    """A server on this machine without TLS or login."""
    with SmtpServer() as server:
        yield server


@pytest.fixture
def scripted() -> Iterator[ScriptedSmtp]:
    with ScriptedSmtp() as server:
        yield server


def mailer(server: Any, password: str = "", **options: Any) -> Mailer:
    """A mailer to that server, whose certificate is for localhost."""
    ca_file = options.pop("ca_file", None)
    told = {
        "sender": f"Postroom <{ME}>",
        "receivers": (ANN,),
        "server": "localhost" if options.get("tls", "none") != "none" else server.host,
        "port": server.port,
        "tls": "none",
        "timeout_seconds": 5.0,
        **options,
    }
    return Mailer(Digest(**told), password, Path(ca_file) if ca_file else None)


def mail(subject: str = "hello") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = ME, ANN, subject
    made.set_content("text\n")
    return made


# --- on its way


@BY_TLS
def test_a_mail_goes_out_by_tls_after_the_login(good, tls):
    with SmtpServer(good.context, implicit=tls == "ssl", users={ME: "secret"}) as server:
        assert mailer(server, "secret", tls=tls, **good.trust()).send(mail()) == []

    (came,) = server.mails
    assert (came.sender, came.receivers, came.user, came.encrypted) == (ME, [ANN], ME, True)
    assert came.mail["Subject"] == "hello"


@BY_TLS
def test_a_check_logs_in_and_sends_nothing(good, tls):
    with SmtpServer(good.context, implicit=tls == "ssl", users={ME: "secret"}) as server:
        told = mailer(server, "secret", tls=tls, **good.trust()).check()

    assert told.endswith(f"answers, tls = {tls}, logged in as {ME}")
    assert server.commands == ["AUTH"]


def test_a_password_may_have_any_letters(good):
    with SmtpServer(good.context, users={"ann": "пароль"}) as server:
        mailer(server, "пароль", tls="starttls", user="ann", **good.trust()).send(mail())
        with pytest.raises(SourceError, match="the login of ann is refused"):
            mailer(server, "слово", tls="starttls", user="ann", **good.trust()).send(mail())

    assert [came.user for came in server.mails] == ["ann"]


def test_addresses_beyond_ascii_go_out_as_such(smtp):
    to = "ännchen@example.org"

    mailer(smtp, receivers=(to,)).send(mail("grüße"))

    (came,) = smtp.mails
    assert came.receivers == [to]
    assert came.mail["Subject"] == "grüße"


def test_a_server_that_does_not_know_such_addresses_is_told_of():
    with SmtpServer(utf8=False) as server, pytest.raises(SourceError, match="beyond ASCII"):
        mailer(server, receivers=("ännchen@example.org",)).send(mail())


def test_a_server_that_says_goodbye_badly_has_the_mail_all_the_same(scripted):
    scripted.says["QUIT"] = b"421 too busy for manners\r\n"

    assert mailer(scripted).send(mail()) == []
    assert scripted.commands[-1] == "QUIT"


# --- who says no, and for how long


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_what_is_put_off_goes_out_later(smtp, command):
    smtp.moods[command] = ["451 4.7.1 greylisted, come again"]

    with pytest.raises(TemporaryError, match=r"451 4.7.1 greylisted, come again") as caught:
        mailer(smtp).send(mail())
    mailer(smtp).send(mail())

    assert caught.value.after == 300
    assert len(smtp.mails) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_what_is_refused_for_good_is_an_error_in_the_server_s_words(smtp, command):
    smtp.moods[command] = ["550 5.7.1 not from you"]

    with pytest.raises(SourceError, match=r"127\.0\.0\.1 port \d+: the mail.*550 5.7.1 not from"):
        mailer(smtp).send(mail())

    assert smtp.mails == []


def test_some_refused_receivers_do_not_keep_the_mail_from_the_others(smtp, caplog):
    smtp.refused[BOB] = "550 5.1.1 no such user"

    assert mailer(smtp, receivers=(ANN, BOB)).send(mail()) == [BOB]

    assert smtp.mails[0].receivers == [ANN]
    assert f"{BOB} is refused: 550 5.1.1 no such user" in caplog.text


def test_receivers_that_are_all_refused_are_an_error_unless_one_may_come_later(smtp):
    smtp.refused = {ANN: "550 5.1.1 no such user", BOB: "550 5.1.1 nor him"}
    with pytest.raises(SourceError, match=r"every receiver is refused.*ann@.*550.*bob@.*nor him"):
        mailer(smtp, receivers=(ANN, BOB)).send(mail())

    smtp.refused[BOB] = "450 4.2.0 greylisted"
    with pytest.raises(TemporaryError, match=r"450 4.2.0"):
        mailer(smtp, receivers=(ANN, BOB)).send(mail())


def test_a_bad_login_is_told_without_the_password(good):
    with SmtpServer(good.context, users={ME: "secret"}) as server:
        told = mailer(server, "pass-word-1", tls="starttls", **good.trust())
        echoed = f"535 5.7.8 no: pass-word-1 {plain(ME, 'pass-word-1')}"
        server.moods["AUTH"] = [echoed] * 9
        with pytest.raises(
            SourceError, match=r"the login of .* is refused: 535 5.7.8 no"
        ) as caught:
            told.send(mail())

    assert "pass-word-1" not in str(caught.value)
    assert plain(ME, "pass-word-1") not in str(caught.value)


def test_a_login_that_is_put_off_is_tried_later(good):
    with SmtpServer(good.context, users={ME: "secret"}) as server:
        server.moods["AUTH"] = ["454 4.7.0 temporary failure"] * 9
        with pytest.raises(TemporaryError, match="454"):
            mailer(server, "secret", tls="starttls", **good.trust()).send(mail())


def test_a_server_that_wants_a_login_says_so(good):
    server = SmtpServer(good.context, users={ME: "secret"})
    with server, pytest.raises(SourceError, match=r"530 5.7.0 Authentication required"):
        mailer(server, tls="starttls", **good.trust()).send(mail())


def test_a_server_without_logins_is_told_of(scripted):
    with pytest.raises(SourceError, match="no way to log in"):
        mailer(scripted, "secret").send(mail())


def test_an_answer_that_would_steer_a_log_does_not(smtp):
    smtp.moods["DATA"] = ["554 \x1b[31mno\u202e"]

    with pytest.raises(SourceError) as caught:
        mailer(smtp).send(mail())

    assert str(caught.value).isprintable()


# --- who is not there


def test_nobody_there_is_tried_again():
    with pytest.raises(TemporaryError, match=r"connecting: .*refused") as caught:
        Mailer(
            Digest(sender=ME, receivers=(ANN,), server="127.0.0.1", port=free_port(), tls="none")
        ).send(mail())

    assert caught.value.after == 60


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_hangs_is_left(smtp, command):
    smtp.frozen.add(command)

    with pytest.raises(TemporaryError, match=r"the connection broke: .*timed out"):
        mailer(smtp, timeout_seconds=0.2).send(mail())


@pytest.mark.parametrize("tls", ["none", "ssl", "starttls"])
def test_a_server_that_never_greets_is_left(tls):
    with socket.create_server((HOST, 0)) as silent:
        told = Digest(
            sender=ME,
            receivers=(ANN,),
            server=HOST,
            port=silent.getsockname()[1],
            tls=tls,
            timeout_seconds=0.2,
        )
        with pytest.raises(TemporaryError, match="timed out"):
            Mailer(told).send(mail())


def test_a_server_that_only_trickles_is_left_as_well(scripted):
    # A byte each 50 ms: the longest line that smtplib reads would take seven minutes.
    scripted.greeting, scripted.trickles = b"220-", True

    with pytest.raises(TemporaryError, match="the connection broke"):
        mailer(scripted, timeout_seconds=0.1).send(mail())


def test_what_is_no_smtp_server_is_told_of(scripted):
    scripted.greeting = b"HTTP/1.0 400 Bad Request\r\n"

    with pytest.raises(SourceError, match="speaks no SMTP"):
        mailer(scripted).send(mail())


# --- TLS


@BY_TLS
@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_with_bad_tls_never_sees_password_or_mail(tmp_path, tls, fault):
    bad = BadTls(tmp_path, fault)
    server = SmtpServer(bad.context, implicit=tls == "ssl", users={ME: "secret"})
    with server, pytest.raises((SourceError, TemporaryError), match=TLS_WORDS[fault]):
        mailer(server, "secret", tls=tls, **bad.trust()).send(mail())

    assert server.commands == []


def test_a_server_whose_starttls_was_stripped_never_sees_password_or_mail(smtp):
    with pytest.raises(SourceError, match="STARTTLS: the server does not offer it"):
        mailer(smtp, "secret", tls="starttls").send(mail())

    assert smtp.commands == []


@pytest.mark.parametrize("injected", [b"250 fine\r\n", b"250-AUTH PLAIN\r\n250 fine\r\n", b"x"])
def test_what_is_slipped_in_before_tls_is_refused(good, injected):
    with ScriptedSmtp(good.context) as server:
        server.says["STARTTLS"] += injected
        with pytest.raises(SourceError, match="before TLS begins"):
            mailer(server, "secret", tls="starttls", **good.trust()).send(mail())

    assert server.commands == ["EHLO", "STARTTLS"]


def test_old_tls_is_told_as_such(tmp_path):
    bad = BadTls(tmp_path, "old protocol")
    # That server may say no before it is asked.
    words = r"no TLS 1\.2 or newer|before TLS begins"
    with ScriptedSmtp(bad.context) as server, pytest.raises(SourceError, match=words):
        mailer(server, tls="starttls", **bad.trust()).send(mail())


def test_a_port_without_tls_is_told_as_such(smtp):
    with pytest.raises(SourceError, match="is no TLS"):
        mailer(smtp, tls="ssl").send(mail())


# --- the section


def configured(folder: Path, **keys: str) -> Mailer | None:
    """What [digest] with these keys comes to, beside a sound one."""
    told = {"sender": ME, "receivers": ANN, "server": "smtp.example.org", **keys}
    lines = [f"{key} = {value}\n" for key, value in told.items() if value]
    (folder / "config.ini").write_text("[digest]\n" + "".join(lines))
    return Mailer.configured(settings.load(folder / "config.ini"))


def test_without_a_section_nothing_is_mailed():
    assert Mailer.configured(settings.Config()) is None


@pytest.mark.parametrize(("tls", "port"), [("ssl", 465), ("starttls", 587), ("none", 25)])
def test_the_port_goes_by_the_encryption(tmp_path, tls, port):
    told = configured(tmp_path, tls=tls)

    assert told
    assert told.title == f"smtp.example.org port {port}"


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"server": ""}, "server: missing: it is needed where there is sender ="),
        ({"receivers": ""}, "receivers: missing"),
        ({"sender": ""}, "sender: missing: it is needed where there is receivers ="),
        ({"sender": "Ann"}, "sender: found 'Ann', expected an address such as"),
        ({"receivers": "ann@example.org, bob"}, "receivers: found 'bob'"),
        ({"receivers": "ann@x.org bob@y.org"}, "receivers: found 'ann@x.org bob@y.org'"),
        ({"receivers": "@example.org"}, "receivers: found '@example.org'"),
        ({"receivers": "ann@" + "a" * 70 + ".org"}, "receivers: found"),
        ({"at": "25:00"}, "at: found '25:00', expected a time such as 08:00"),
        ({"at": "8:00"}, "at: found '8:00'"),
        ({"time_zone": "Moon/Crater"}, "time_zone: found 'Moon/Crater', expected a name such as"),
        ({"time_zone": "Europe"}, "time_zone: found 'Europe'"),
        ({"time_zone": "../../etc/passwd"}, "time_zone: found"),
        ({"tls": "maybe"}, "tls: found 'maybe', expected one of none, ssl, starttls"),
        ({"ca_file": "nowhere.pem"}, "ca_file: .*nowhere.pem: no certificates can be read"),
        ({"port": "70000"}, "port: found '70000'"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_at_the_start(tmp_path, keys, sentence):
    with pytest.raises(SettingsError, match=rf"config.ini: \[digest\] {sentence}"):
        configured(tmp_path, **keys)


def test_a_password_comes_from_a_private_file(tmp_path, monkeypatch):
    file = tmp_path / "smtp.password"
    file.write_text("secret\n")
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        configured(tmp_path, password_file="smtp.password")

    file.chmod(0o600)
    told = configured(tmp_path, password_file="smtp.password")
    assert told
    assert told._password == "secret"


def test_a_password_of_the_environment_counts_more(tmp_path, monkeypatch):
    monkeypatch.setenv("POSTROOM_DIGEST_PASSWORD", "from outside")

    told = configured(tmp_path, password_file="nowhere")

    assert told
    assert told._password == "from outside"


def test_a_password_never_goes_in_the_clear_beyond_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("POSTROOM_DIGEST_PASSWORD", "secret")

    assert configured(tmp_path, tls="none", server="127.0.0.1")
    with pytest.raises(SettingsError, match=r"\[digest\] tls: none would send your password"):
        configured(tmp_path, tls="none")


def test_a_domain_of_other_letters_is_written_as_servers_know_it(tmp_path):
    told = configured(tmp_path, receivers="Ännchen <ann@bücher.example>, bob@example.org")

    assert told
    assert told._receivers == ["ann@xn--bcher-kva.example", BOB]
