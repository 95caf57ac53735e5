"""`python -m provider login`: a scripted browser, a real token endpoint, real processes."""

import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
import requests

from postroom import oauth2
from postroom.errors import RefusedError, SettingsError
from postroom.oauth2 import Client
from provider import login
from tests.servers import commands, forked
from tests.servers.token_endpoint import TokenEndpoint


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    endpoint = TokenEndpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def folder(tmp_path: Path, endpoint: TokenEndpoint) -> Path:
    keys = "".join(f"{key} = {value}\n" for key, value in endpoint.options().items())
    (tmp_path / "config.ini").write_text(
        f"[mailbox work]\nserver = 127.0.0.1\n{keys}[mailbox plain]\n[mailbox none]\n{keys}"
    )
    file = tmp_path / "imap_credentials.py"
    file.write_text('mailboxes = {"work": {"username": "me@example.org", "client_secret": "s3"}}\n')
    file.chmod(0o600)
    endpoint.client_secret = "s3"
    return tmp_path


class Browser:
    """`python -m provider login` in a process, and somebody who opens what it prints."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process: subprocess.Popen[str] = forked.Forked(
            commands.command("provider", "login", *arguments),
            cwd=folder,
            env=commands.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.printed = ""
        self._limit = threading.Timer(60, self.process.kill)
        self._limit.start()

    def address(self) -> str:
        """The address that is to be opened."""
        return self._line("/authorize?").strip()

    def _line(self, part: str) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            self.printed += line
            if part in line:
                return line
        raise AssertionError(f"it never said {part!r}:\n{self.printed}")

    def paste(self, text: str) -> None:
        self._line("paste it here")
        assert self.process.stdin
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def end(self) -> int:
        out, _ = self.process.communicate()
        self._limit.cancel()
        self.printed += out
        return self.process.returncode


@pytest.fixture
def _heeds_ctrl_c() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, and so does all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def browse(folder: Path, _heeds_ctrl_c: None) -> Iterator[Callable[..., Browser]]:
    browsers: list[Browser] = []

    def begin(*arguments: str) -> Browser:
        browsers.append(Browser(folder, *arguments))
        return browsers[-1]

    yield begin
    for browser in browsers:
        browser.process.kill()
        browser.end()


def kept(folder: Path) -> str:
    file = folder / "data" / "tokens" / "work.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token: str = msgspec.json.decode(file.read_bytes())["refresh_token"]
    return token


def test_a_login_in_the_browser_ends_with_a_kept_token(browse, folder, endpoint):
    browser = browse("work")
    answer = requests.get(browser.address(), timeout=10)

    assert browser.end() == 0, browser.printed
    assert answer.status_code == 200
    assert "Postroom has the answer" in answer.text
    assert endpoint.users[kept(folder)] == "me@example.org"
    assert "the refresh token is in" in browser.printed
    assert [secret for secret in endpoint.given if secret in browser.printed] == []
    (asked,) = endpoint.logins
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")
    assert asked["scope"] == "mail offline_access"


def test_icons_and_strangers_do_not_end_the_login(browse, folder, endpoint):
    browser = browse("work")
    address = browser.address()
    (redirect,) = parse_qs(urlsplit(address).query)["redirect_uri"]

    assert requests.get(f"{redirect}/favicon.ico", timeout=10).status_code == 404
    assert requests.get(redirect, timeout=10).status_code == 404
    requests.get(address, timeout=10)

    assert browser.end() == 0, browser.printed


def test_an_answer_with_another_state_is_refused(browse, folder, endpoint):
    browser = browse("work")
    address = browser.address()
    (redirect,) = parse_qs(urlsplit(address).query)["redirect_uri"]

    answer = requests.get(f"{redirect}/?code=planted&state=other", timeout=10)

    assert answer.status_code == 400
    assert browser.end() == 1
    assert "does not belong to this login" in browser.printed
    assert endpoint.asked == []
    assert not (folder / "data").exists()


def test_an_answer_without_a_code_is_refused(browse, endpoint):
    browser = browse("work")
    query = parse_qs(urlsplit(browser.address()).query)

    requests.get(query["redirect_uri"][0], {"state": query["state"][0]}, timeout=10)

    assert browser.end() == 1
    assert "the answer has no code in it" in browser.printed
    assert endpoint.asked == []


def test_ctrl_c_ends_a_login(browse):
    browser = browse("work")
    browser.address()

    browser.process.send_signal(signal.SIGINT)

    assert browser.end() == 130
    assert "Traceback" not in browser.printed


def test_an_owner_who_says_no_is_told_back(browse):
    browser = browse("work")
    query = parse_qs(urlsplit(browser.address()).query)
    told = {"error": "access_denied", "state": query["state"][0]}

    requests.get(query["redirect_uri"][0], told, timeout=10)

    assert browser.end() == 1
    assert "the login was refused (access_denied)" in browser.printed


def test_the_address_that_the_browser_ended_at_can_be_pasted(browse, folder, endpoint):
    browser = browse("work", "--paste", "--port", "8123")
    answer = requests.get(browser.address(), timeout=10, allow_redirects=False)

    assert urlsplit(answer.headers["Location"]).port == 8123
    browser.paste(answer.headers["Location"])

    assert browser.end() == 0, browser.printed
    assert endpoint.users[kept(folder)] == "me@example.org"


@pytest.mark.parametrize("pasted", ["", "rubbish", "http://127.0.0.1:8400/?code=x"])
def test_what_is_no_answer_is_refused_when_pasted(browse, folder, endpoint, pasted):
    browser = browse("work", "--paste")
    browser.paste(pasted)

    assert browser.end() == 1
    assert endpoint.asked == []


def test_a_device_code_is_confirmed_elsewhere(browse, folder, endpoint):
    browser = browse("work", "--device")

    assert browser.end() == 0, browser.printed
    assert endpoint.users[kept(folder)] == "work"
    assert "/link on any device, and enter the code ABCD-EFGH" in browser.printed


def test_nobody_waits_for_ever(folder, capsys):
    assert login.main(["work", "--seconds", "0.1", "--config", str(folder / "config.ini")]) == 1
    assert "nobody logged in in time" in capsys.readouterr().err


def test_a_login_that_gives_no_refresh_token_is_no_success(folder, endpoint, capsys, monkeypatch):
    endpoint.moods = [(200, {"access_token": "planted"})]
    config = str(folder / "config.ini")
    monkeypatch.setattr(sys, "stdin", _Pasted(capsys))

    assert login.main(["work", "--paste", "--config", config]) == 1

    told = capsys.readouterr()
    assert "no refresh token was given" in told.err
    assert "planted" not in told.out + told.err


class _Pasted:
    """Somebody who pastes the right state."""

    def __init__(self, capsys) -> None:
        self._capsys = capsys

    def readline(self, size: int = -1) -> str:
        (state,) = re.findall(r"state=([\w-]+)", self._capsys.readouterr().out)
        return f"http://127.0.0.1:8400/?code=c&state={state}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["other"], "no section [mailbox other]"),
        (["plain"], "only mailboxes with auth = oauth2 need a login"),
        (["none"], "no user name"),
        (["work", "--port", "1000000"], "--port 1000000: expected"),
    ],
)
def test_what_must_be_mended_is_said(folder, capsys, arguments, sentence):
    arguments = [*arguments, "--config", str(folder / "config.ini")]

    assert login.main(arguments) == 2
    assert sentence in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(folder, endpoint, capsys):
    port = str(endpoint.port)

    assert login.main(["work", "--port", port, "--config", str(folder / "config.ini")]) == 2
    assert f"--port {port}: cannot listen there" in capsys.readouterr().err


def test_without_a_page_to_log_in_there_is_no_login(folder, capsys):
    config = folder / "config.ini"
    lines = config.read_text().splitlines(keepends=True)
    config.write_text("".join(line for line in lines if "authorize" not in line))

    assert login.main(["work", "--config", str(config)]) == 2
    assert "oauth2_authorize_url: missing" in capsys.readouterr().err


# --- device codes, with a clock of our own


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def confirmed(endpoint: TokenEndpoint, moods: list[str], time: Time) -> oauth2.Tokens:
    """Log in by device code where the endpoint first says all of `moods`."""
    client = Client(f"{endpoint.url}/token", "client-1")
    first = endpoint.answer("/device", {})
    answers = [(503, b"") if mood == "away" else (400, {"error": mood}) for mood in moods]
    endpoint.moods = [first, *answers]
    return login.by_device(client, f"{endpoint.url}/device", 100, time.sleep, time.clock)


def test_a_device_code_is_asked_for_until_it_is_confirmed(endpoint):
    time = Time()
    moods = ["authorization_pending", "slow_down", "authorization_pending", "away"]

    assert confirmed(endpoint, moods, time).refresh in endpoint.users

    assert time.pauses == [1, 1, 6, 6, 12]


@pytest.mark.parametrize("code", ["access_denied", "expired_token", "invalid_grant"])
def test_a_device_code_that_is_refused_ends_the_login(endpoint, code):
    time = Time()

    with pytest.raises(RefusedError) as caught:
        confirmed(endpoint, ["authorization_pending", code, "authorization_pending"], time)

    assert caught.value.code == code
    assert len(endpoint.asked) == 2


def test_a_device_code_is_not_asked_for_for_ever(endpoint):
    time = Time()

    with pytest.raises(RefusedError, match="nobody confirmed the code in time"):
        confirmed(endpoint, ["authorization_pending"] * 500, time)

    assert time.now < 100


def test_google_has_no_device_code_for_mail():
    with pytest.raises(SettingsError, match="Google grants mail to browsers only"):
        login.by_device(Client("", ""), "", 1)


def test_an_endpoint_that_gives_no_device_code_is_refused(endpoint):
    endpoint.moods = [(200, {"device_code": "x"})]

    with pytest.raises(RefusedError, match="gave no device code"):
        login.by_device(Client("", ""), f"{endpoint.url}/device", 1)
