"""Secrets are planted everywhere; none comes out, and a terminal is asked for what is missing."""

import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import need_dovecot
from tests.servers import commands, forked
from tests.servers.dovecot_oauth2 import OAuth2Dovecot, token
from tests.servers.token_endpoint import TokenEndpoint
from tests.stubs.master import StubMaster

PASSWORDS = {f"user{n}": f"planted-password-{n}" for n in range(4)}


@pytest.fixture
def server() -> Iterator[OAuth2Dovecot]:
    need_dovecot()
    users = {**PASSWORDS, "user4": "not-the-planted-one", "user5": "x", "user6": "x", "user7": "x"}
    server = OAuth2Dovecot(users)
    try:
        yield server.start()
    finally:
        server.cleanup()


@pytest.fixture
def master() -> Iterator[StubMaster]:
    master = StubMaster()
    yield master
    master.close()


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    endpoint = TokenEndpoint(lambda user: token(user, 600))
    endpoint.rotates = True
    endpoint.client_secret = "planted-client-secret"
    yield endpoint
    endpoint.close()


def private(file: Path, text: str) -> Path:
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_none_of_twelve_planted_secrets_comes_out(tmp_path, server, master, endpoint):
    work = f"server = 127.0.0.1\nport = {server.ports.imap}\ntls = none\n"
    tokens = "".join(f"{key} = {value}\n" for key, value in endpoint.options().items())
    sections = [f"[mailbox user{n}]\n{work}" for n in range(5)]
    sections[2] += "password_file = password\n"
    sections += [f"[mailbox user{n}]\n{work}{tokens}" for n in (5, 6, 7)]
    (tmp_path / "config.ini").write_text(
        f"[provider]\nmaster = {master.address}\n[log]\nfile = all.log\nlevel = debug\n"
        + "".join(sections)
    )
    entries = {f"user{n}": {"username": f"user{n}"} for n in range(8)}
    entries["user0"]["password"] = PASSWORDS["user0"]
    entries["user4"]["password"] = "planted-wrong-password"
    entries["user5"] |= {"refresh_token": endpoint.new("user5")}
    entries["user6"] |= {"refresh_token": "planted-revoked-refresh-token"}
    entries["user7"] |= {"refresh_token": endpoint.new("user7")}
    for name in ("user5", "user6"):
        entries[name]["client_secret"] = endpoint.client_secret
    entries["user7"]["client_secret"] = "planted-wrong-client-secret"
    private(tmp_path / "imap_credentials.py", f"mailboxes = {entries!r}\n")
    private(tmp_path / "password", PASSWORDS["user2"])
    file = private(tmp_path / "other", PASSWORDS["user3"])
    told = {
        "POSTROOM_USER1_PASSWORD": PASSWORDS["user1"],
        "POSTROOM_USER3_PASSWORD_FILE": str(file),
    }
    server.deliver("user5", [b"Subject: hello\r\n\r\nhello\r\n"])

    out, check = (
        forked.run("provider", ["--log-level", "debug", each], tmp_path, told)
        for each in ("--once", "--check")
    )

    said = out.stdout + out.stderr + check.stdout + check.stderr
    said += (tmp_path / "all.log").read_bytes()
    said += repr(master.requests).encode()
    assert len(master.raws("user5")) == 1, said
    assert b"mailbox user0: imap at 127.0.0.1 for user0: INBOX" in check.stdout
    secrets = [*PASSWORDS.values(), *endpoint.given, endpoint.client_secret]
    secrets += [entries["user4"]["password"], entries["user6"]["refresh_token"]]
    secrets += [entries["user7"]["client_secret"]]
    assert len(secrets) >= 12
    assert [secret for secret in secrets if secret.encode() in said] == []


def test_a_terminal_is_asked_for_the_password_and_shows_it_not(tmp_path, server, master):
    section = f"[mailbox work]\nserver = 127.0.0.1\nport = {server.ports.imap}\ntls = none\n"
    (tmp_path / "config.ini").write_text(f"[provider]\nmaster = {master.address}\n{section}")
    private(tmp_path / "imap_credentials.py", "imap_username = 'user0'\n")
    server.deliver("user0", [b"Subject: hello\r\n\r\nhello\r\n"])

    status, said = on_terminal(tmp_path, PASSWORDS["user0"])

    assert status == 0, said
    assert "Password of user0 for the mailbox work: " in said
    assert PASSWORDS["user0"] not in said
    assert len(master.raws("work")) == 1


def test_without_a_terminal_nobody_is_asked(tmp_path, master):
    (tmp_path / "config.ini").write_text("[mailbox work]\nserver = 127.0.0.1\n")
    private(tmp_path / "imap_credentials.py", "imap_username = 'user0'\n")

    done = commands.run(tmp_path, "provider", "--once")

    assert done.returncode == 2
    assert "no user name or no password" in done.stderr


def on_terminal(folder: Path, typed: str) -> tuple[int, str]:
    """Run one pass on a terminal where somebody types that line when he is asked."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        commands.command("provider", "--once"),
        cwd=folder,
        env=commands.environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    while piece := _read(ours):
        said += piece
        if said.endswith(b"mailbox work: "):
            os.write(ours, typed.encode() + b"\n")
    os.close(ours)
    return process.wait(30), said.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        # What Linux says of a terminal that nobody has open any more.
        return b""
