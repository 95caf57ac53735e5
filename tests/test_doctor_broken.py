"""A house with everything broken at once: the doctor names each part, and what to do about it."""

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from api.database import open_database
from api.models import database
from api.schema.migrations import STEPS, migrate
from postroom import doctor_host
from tests.conftest import need_dovecot
from tests.servers.commands import run
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.servers.ports import HOST, free_port

WRONG = "not-the-password-7"
LINE = re.compile(r"(ok  |WARN|BAD ) (\w+): ([\w ]+): (.*?)(?: -> (.*))?")


class _Yesterday(BaseHTTPRequestHandler):
    """An API of another version, on a machine whose clock is a day behind."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "Tue, 24 Nov 2020 07:44:06 GMT"

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"version": "0.0.1"}).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def behind() -> Iterator[str]:
    with HTTPServer((HOST, 0), _Yesterday) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, behind: str) -> Iterator[Path]:
    need_dovecot()
    folder = tmp_path_factory.mktemp("broken")
    server = Dovecot({"work": "work-secret"})
    dead = {name: free_port() for name in ("pop3", "s3", "smtp", "queue", "master")}
    work = {"server": "localhost", "port": server.ports.imaps, "ca_file": server.certificate}
    shop = {"source": "pop3", "server": HOST, "port": dead["pop3"], "username": "a"}
    sections: dict[str, dict[str, Any]] = {
        "api": {"url": behind},
        "storage": {"mails": "s3"},
        "storage s3": {"bucket": "b", "endpoint": f"http://{HOST}:{dead['s3']}"},
        "alarms": {"to": "ann@example.org", "sender": "us@example.org", "disk_percent": 100},
        "digest": {"server": HOST, "port": dead["smtp"], "tls": "none"},
        "runner": {"queue": f"amqp://ann:{WRONG}@{HOST}:{dead['queue']}", "isolation": "none"},
    }
    Daemons(
        folder,
        {
            "work": {**work, "username": "work", "password": WRONG},
            "shop": {**shop, "password": "b"},
        },
        sections,
    )
    (folder / "config.ini").chmod(0o600)
    (folder / "data").mkdir()
    (folder / "data" / "admin.token").write_text("pr_abc\n")
    (folder / "data" / "admin.token").chmod(0o644)
    with closing(sqlite3.connect(folder / "data" / "postroom.sqlite")) as made, made:
        made.execute("CREATE TABLE facts (id INTEGER PRIMARY KEY, created, changed, name, value)")
        made.execute("INSERT INTO facts VALUES (1, '', '', 'schema', '9999')")
    try:
        server.start()
        yield folder
    finally:
        server.cleanup()


def test_each_broken_part_has_one_line_that_says_what_to_do(house, monkeypatch):
    keys = {"AWS_ACCESS_KEY_ID": "abc", "AWS_SECRET_ACCESS_KEY": WRONG}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)

    done = run(house, "postroom", "doctor", "--seconds", "90", seconds=120)

    assert done.returncode == 1, done.stderr
    assert WRONG not in done.stdout + done.stderr
    *lines, counted = done.stdout.splitlines()
    told = [match.groups() for match in map(LINE.fullmatch, lines) if match]
    assert len(told) == len(lines)
    assert re.fullmatch(r"\d+ ok, \d+ to watch, \d+ bad", counted)
    assert [each for each in told if each[0] == "BAD " and not each[4]] == []
    found = {(of, name): (state, detail, remedy) for state, of, name, detail, remedy in told}
    for of, name, state, detail, remedy in (
        ("host", "permissions", "BAD ", "admin.token.*chmod 600", "command"),
        ("host", "disk", "WARN", "GB free, for .*spool", "make room"),
        ("host", "clock", "BAD ", "apart from", "NTP"),
        ("host", "version", "BAD ", "the API that answers is 0.0.1", "install the same"),
        ("api", "database", "BAD ", "schema 9999, this program knows", r"\[api\] database"),
        ("api", "storage", "BAD ", "s3", r"\[storage\]"),
        ("master", "storage", "BAD ", "s3", r"\[storage\]"),
        ("provider", "mailbox work", "BAD ", "user name or password", "imap_credentials"),
        ("provider", "mailbox shop", "BAD ", "nothing listens at that port", "server = and port"),
        ("provider", "master", "BAD ", "tcp://", "start it: python -m master"),
        ("runner", "queue", "BAD ", "refused", "start RabbitMQ"),
        ("runner", "alarms", "BAD ", "refused", r"\[digest\]"),
        ("runner", "isolation", "ok  ", "none", ""),
    ):
        was = found[of, name]
        assert was[0] == state, (of, name, was)
        assert re.search(detail, was[1], re.I), (of, name, was)
        assert re.search(remedy, was[2] or ""), (of, name, was)


def test_a_disk_that_is_all_but_full_is_bad(tmp_path, monkeypatch):
    Daemons(tmp_path, {})
    monkeypatch.setattr(doctor_host, "NO_BYTES", 2**60)
    monkeypatch.chdir(tmp_path)

    found = list(doctor_host.host(tmp_path / "config.ini"))

    disks = [each for each in found if each.name == "disk"]
    assert {each.state for each in disks} == {"bad"}
    assert "data" in disks[0].detail


def test_settings_with_a_secret_in_them_are_their_owners_alone(tmp_path):
    file = tmp_path / "config.ini"
    file.write_text("[api]\ndatabase = postgresql://ann:secret@db/postroom\n")
    file.chmod(0o644)

    found = {each.name: each for each in doctor_host.host(file)}

    assert found["permissions"].state == "bad"
    assert str(file) in found["permissions"].detail


def test_a_database_of_before_is_told_of_and_no_fault(tmp_path):
    Daemons(tmp_path, {})
    file = tmp_path / "data" / "postroom.sqlite"
    with closing(open_database(file)) as db:
        database.initialize(db)
        migrate(db)
    with closing(sqlite3.connect(file)) as made, made:
        made.execute("UPDATE facts SET value = ? WHERE name = 'schema'", (str(len(STEPS) - 1),))

    lines = json.loads(run(tmp_path, "api", "--check", "--json").stdout)

    (line,) = [line for line in lines if line["name"] == "database"]
    assert line["ok"]
    assert f"which the next start brings to {len(STEPS)}" in line["detail"]
