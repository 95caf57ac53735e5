"""`--check` tells what a daemon would find wrong, and starts nothing."""

import json
import socket

import pytest

from postroom.daemon import check_port
from tests.daemon_scripts import ended, starting

CHECKS = """
    def main(daemon):
        raise AssertionError("a check never starts the daemon")

    def check(daemon):
        log.warning("a warning")
        return [CheckLine("port", True, "free"), CheckLine("imap", False, "no route", "plug it in")]
"""


@pytest.fixture
def start(tmp_path):
    with starting(tmp_path) as start:
        yield start


def test_check_tells_each_thing_on_a_line_and_fails_if_one_does(start):
    status, out, err = ended(start(CHECKS, "--check"))

    assert status == 1
    assert out.splitlines() == [
        "ok   settings: no config.ini: built-in defaults",
        "ok   port: free",
        "FAIL imap: no route -> plug it in",
    ]
    assert "a warning" in err


def test_check_speaks_json_on_request(start, tmp_path):
    (tmp_path / "config.ini").write_text("[api]\n")

    status, out, _ = ended(start(CHECKS, "--check", "--json"))

    assert status == 1
    first, _, last = json.loads(out)
    assert first == {
        "name": "settings",
        "ok": True,
        "detail": f"{tmp_path}/config.ini",
        "remedy": "",
    }
    assert last == {"name": "imap", "ok": False, "detail": "no route", "remedy": "plug it in"}


def test_check_reports_bad_settings_as_a_line(start, tmp_path):
    (tmp_path / "config.ini").write_text("[apu]\n")

    status, out, _ = ended(start(CHECKS, "--check", "--json"))

    assert status == 1
    (line,) = json.loads(out)
    assert (line["name"], line["ok"]) == ("settings", False)
    assert "[apu]: unknown section" in line["detail"]


def test_check_reports_what_the_check_could_not_do(start):
    status, out, _ = ended(
        start(
            """
            main = None
            def check(daemon):
                raise TemporaryError("the API is away")
            """,
            "--check",
        )
    )

    assert status == 1
    assert "FAIL api: the API is away" in out


def test_without_anything_to_check_the_settings_are_checked(start):
    assert ended(start("main = None", "--check"))[0] == 0


def test_a_port_is_checked(free_port):
    free = check_port("api", "127.0.0.1", free_port)
    with socket.create_server(("127.0.0.1", free_port)):
        taken = check_port("api", "127.0.0.1", free_port, running=lambda: False)
        running = check_port("api", "127.0.0.1", free_port, running=lambda: True)
    foreign = check_port("api", "2001:db8::1", free_port)

    assert [line.ok for line in (free, taken, running, foreign)] == [True, False, True, False]
    assert "Address already in use" in taken.detail
    assert "[api]" in taken.remedy
