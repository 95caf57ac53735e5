"""`python -m monitor` as an operator meets it: settings, checks, variables, the question."""

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor import environment
from postroom import settings
from postroom.daemon import Exit
from postroom.errors import SettingsError
from tests.chain.pages import digest, files, page
from tests.long import one_in
from tests.servers import commands, forked
from tests.servers.daemons import _ini
from tests.servers.ports import free_port
from tests.servers.smtp import SmtpServer
from tests.servers.terminal import Terminal
from tests.servers.web import WebServer
from tests.waiting import wait_until

SECRET = "hunter2-and-more"


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Path]:
    """Write config.ini."""

    def write(**sections: dict[str, Any]) -> Path:
        named = {name.replace("_", " "): values for name, values in sections.items()}
        named.setdefault("master", {"port": free_port()})
        (tmp_path / "config.ini").write_text(_ini(named))
        return tmp_path

    return write


def monitor(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return commands.run(folder, "monitor", *arguments, variables=variables)


def test_without_a_page_it_says_what_to_write(tmp_path: Path) -> None:
    done = monitor(tmp_path)

    assert done.returncode == Exit.SETTINGS
    assert "there is no page: add a section [page NAME]" in done.stderr


def test_a_page_that_there_is_not_is_named(configured: Callable[..., Path], web: WebServer) -> None:
    done = monitor(configured(page_docs=page(web)), "other")

    assert done.returncode == Exit.SETTINGS
    assert "there is no [page other]: expected one of docs" in done.stderr


def test_the_check_tells_of_pages_storage_mail_and_master(
    configured: Callable[..., Path], web: WebServer, smtp: SmtpServer
) -> None:
    files(web, {"a.pdf": b"one"})
    web.say("/gone", 404)
    folder = configured(page_docs=page(web), page_gone=page(web, "/gone"), digest=digest(smtp))

    done = monitor(folder, "--check")

    lines = done.stdout.splitlines()
    assert done.returncode == Exit.FAILED
    assert [line.partition(":")[0] for line in lines] == [
        "ok   settings",
        "ok   page docs",
        "FAIL page gone",
        "ok   storage",
        "ok   digest",
        "FAIL master",
    ]
    assert "1 links" in lines[1]
    assert "404" in lines[2]
    assert smtp.mails == []


def test_the_check_shows_no_password(tmp_path: Path, web: WebServer) -> None:
    with SmtpServer(users={"me@example.org": SECRET}) as server:
        done = monitor(
            tmp_path,
            "--check",
            "--alone",
            FM_WEBPAGE_URL=f"{web.url}/",
            FM_EMAIL_SENDER="me@example.org",
            FM_EMAIL_RECEIVER="you@example.org",
            FM_EMAIL_SENDER_PWD=SECRET,
            FM_EMAIL_SERVER=server.host,
            FM_EMAIL_PORT=str(server.port),
        )

    assert "ok   settings: FM_* variables" in done.stdout
    assert "logged in as me@example.org" in done.stdout
    assert "master" not in done.stdout
    assert SECRET not in done.stdout + done.stderr


# --- variables


def read(**variables: str) -> settings.Config:
    url = {"FM_WEBPAGE_URL": "https://files.example.org/list"}
    return settings.Config(None, environment.sections({**url, **variables}))


def test_the_variables_are_one_page_called_by_its_host() -> None:
    config = read(FM_DB_NAME="x.sqlite", FM_DEBUG="True", FL_LOGFILE="fm.log")

    (name,) = config.named("page")
    assert name == "files.example.org"
    assert config.section("api", settings.Api).database == "x.sqlite"
    log = config.section("log", settings.Log)
    assert (log.level, log.file, log.terminal) == ("debug", "fm.log", False)


@pytest.mark.parametrize(
    ("server", "port", "tls"),
    [
        ("smtp.example.org", "465", "ssl"),
        ("smtp.example.org", "587", "starttls"),
        ("smtp.example.org", "25", "starttls"),
        ("smtp.example.org", "", "starttls"),
        ("127.0.0.1", "1025", "none"),
        ("localhost", "465", "ssl"),
    ],
)
def test_mail_is_encrypted_as_the_port_says(server: str, port: str, tls: str) -> None:
    config = read(
        FM_EMAIL_SENDER="a@example.org",
        FM_EMAIL_RECEIVER="b@example.org, c@example.org",
        FM_EMAIL_SERVER=server,
        FM_EMAIL_PORT=port,
    )

    options = config.section("digest", settings.Digest)

    assert (options.tls, options.receivers) == (tls, ("b@example.org", "c@example.org"))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8000/", "127.0.0.1"),
        ("http://[::1]:8000/", "::1"),
        ("http://localhost/", "localhost"),
        ("http://intranet.example.org/", ""),
    ],
)
def test_a_private_address_is_meant_when_it_is_written_as_one(url: str, allowed: str) -> None:
    (section,) = read(FM_WEBPAGE_URL=url).named("page").values()

    assert section.get("allow_hosts") == allowed


def test_no_secret_becomes_a_setting() -> None:
    config = read(FM_EMAIL_SENDER_PWD=SECRET, FM_S3_SECRET_KEY=SECRET, FM_S3_BUCKET="files")

    assert SECRET not in str([raw.values for raw in config.sections.values()])
    assert config.section("storage", settings.Storage).files == "s3"


def test_keys_of_s3_without_a_bucket_are_no_wish_for_a_folder(tmp_path: Path) -> None:
    keys = {"FM_S3_ACCESS_KEY": "key", "FM_S3_SECRET_KEY": SECRET}

    done = monitor(tmp_path, "--check", "--alone", FM_WEBPAGE_URL="http://127.0.0.1:1/", **keys)

    assert done.returncode == Exit.FAILED
    assert "FM_* variables: [storage s3] bucket: missing" in done.stdout
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"FM_WEBPAGE_URL": "reports"}, "FM_WEBPAGE_URL: expected an address"),
        ({"FM_WEBPAGE_URL": "http://[x"}, "FM_WEBPAGE_URL: expected an address"),
        ({"FM_DEBUG": "perhaps"}, "FM_DEBUG: found 'perhaps', expected True or False"),
    ],
)
def test_a_wrong_variable_is_named(variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        read(**variables)


def test_a_settings_file_goes_before_the_variables(
    configured: Callable[..., Path], web: WebServer
) -> None:
    folder = configured(page_docs=page(web))

    done = monitor(folder, "--check", FM_WEBPAGE_URL="https://example.org/")

    assert "page docs" in done.stdout
    assert "example.org" not in done.stdout


# --- the question


@pytest.fixture
def terminal(configured: Callable[..., Path], web: WebServer) -> Iterator[Terminal]:
    shown = Terminal(configured(page_docs=page(web)), "monitor")
    shown.read_until("watching 1 pages")
    yield shown
    shown.close()


@pytest.mark.parametrize("answer", one_in(3, ["yes", "y", "Yes"]))
def test_ctrl_c_asks_and_yes_ends(terminal: Terminal, answer: str) -> None:
    terminal.type("\x03")
    terminal.read_until("Quit? y/n ")

    terminal.type(f"{answer}\n")

    assert terminal.status() == 0


def test_any_other_answer_goes_on_and_a_second_ctrl_c_ends(terminal: Terminal) -> None:
    for answer in ("n", "", "YES"):
        terminal.forget()
        terminal.type("\x03")
        terminal.read_until("Quit? y/n ")
        terminal.type(f"{answer}\n")
        terminal.read_until("Going on.")

    terminal.forget()
    terminal.type("\x03")
    terminal.read_until("Quit? y/n ")
    terminal.type("\x03")

    assert terminal.status() == 0


def test_sigterm_at_a_terminal_asks_nothing(terminal: Terminal) -> None:
    terminal.process.terminate()

    assert terminal.status() == 0
    assert "Quit?" not in terminal.text


def test_without_a_terminal_ctrl_c_ends_without_a_question(
    configured: Callable[..., Path], web: WebServer
) -> None:
    folder = configured(page_docs=page(web))
    log = folder / "log"
    with log.open("wb") as file:
        process = forked.start("monitor", [], folder, {}, file, file, is_alone=True)
    wait_until(lambda: b"watching" in log.read_bytes())
    process.send_signal(signal.SIGINT)

    assert process.wait(90) == 0
    assert b"Quit?" not in log.read_bytes()
