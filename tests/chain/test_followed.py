"""One grep over the log of all daemons shows the path of a mail, of a file, of a run."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from postroom.following import HEADER
from tests.chain import pages
from tests.chain.mails import mails
from tests.servers.daemons import Daemons
from tests.servers.ports import HOST
from tests.servers.scripting import Scripting
from tests.servers.web import WebServer
from tests.waiting import wait_until

SCRIPT = "from postroom_script import context, output\noutput(context.mail.subject)\n"
Line = dict[str, Any]


class House(Scripting):
    """With settings of its own."""

    def __init__(self, *given: Any) -> None:
        Daemons.__init__(self, *given)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripting]:
    """All daemons, by whom a mail, a file and a run went; they tell all to one file as JSON."""
    folder = tmp_path_factory.mktemp("house")
    for name in ("new", "cur", "tmp"):
        (folder / "Maildir" / name).mkdir(parents=True)
    (folder / "Maildir" / "new" / "1").write_bytes(mails(1)[0])
    web = WebServer()
    pages.files(web, {"a.pdf": b"one"})
    sections = {
        "page docs": pages.page(web),
        "runner": {"isolation": "none", "poll_seconds": 0.05},
        "log": {"file": "log/postroom.log", "format": "json", "level": "debug"},
    }
    here = House(folder, {"work": {"source": "maildir", "path": "Maildir"}}, sections)
    try:
        here.start("api")
        here.script("told", SCRIPT, on_mail="*")
        here.start("master")
        look = here.watch("--once")
        here.run_scripts()
        here.pull()
        assert look.wait(timeout=120) == 0
        wait_until(lambda: here.items("/v1/runs?status=completed"), 90, "the run to be over")
        yield here
    finally:
        here.close()
        web.close()


@pytest.fixture(scope="module")
def grep(house: Scripting) -> Callable[[str], list[Line]]:
    """The lines that hold some words, as grep finds them."""

    def found(words: str) -> list[Line]:
        lines = (house.folder / "log" / "postroom.log").read_text().splitlines()
        return [json.loads(line) for line in lines if words in line]

    return found


def daemons_of(lines: list[Line]) -> list[str]:
    """Whose lines they are, each once, in the order of the first."""
    return list(dict.fromkeys(line["name"].partition(".")[0] for line in lines))


def test_a_mail_is_followed_by_its_place_from_the_mailbox_to_the_api(house, grep) -> None:
    (mail,) = house.items("/v1/mails")
    (place,) = house.get(f"/v1/mails/{mail['id']}")["places"]
    name = f"{place['mailbox']}/{place['folder']}/{place['uidvalidity']}/{place['key']}"

    lines = grep(json.dumps(name))

    assert sorted(daemons_of(lines)) == ["api", "master", "provider"]
    told = [item for line in lines for item in line["items"] if item.get("mail")]
    assert {item["mail"] for item in told} == {mail["id"]}
    assert mail["sha256"] in [item.get("sha256") for item in told]


def test_a_request_is_followed_by_its_id_from_the_lane_to_the_api(grep) -> None:
    (filed,) = grep("Filed: mail 1")

    lines = grep(f'"request": "{filed["request"]}"')

    assert sorted({line["name"] for line in lines}) == [
        "api",
        "api.rest.followed",
        "master",
        "master.queue",
        "postroom.sockets.lanes",
        "provider.pushes",
    ]


def test_a_file_is_followed_by_its_address(house, grep) -> None:
    (file,) = house.items("/v1/files")

    lines = [line for line in grep(json.dumps(file["download_url"])) if "items" in line]

    assert sorted(daemons_of(lines)) == ["api", "master", "monitor"]
    assert {item["file"] for line in lines for item in line["items"]} == {file["id"]}
    assert len({line["request"] for line in lines}) == 1


def test_a_run_is_followed_from_the_mail_that_made_it_to_its_end(house, grep) -> None:
    (run,) = house.items("/v1/runs")

    lines = grep(f'"run": {run["id"]}')
    made, given = [line for line in lines if line.get("mail") and line["name"] == "api"]

    assert made["message"] == "API: run 1: told waits, by mail"
    assert made["mail"] == given["mail"] == run["mail"]
    wait_until(lambda: grep("completed after"), 60, "the runner's last word")
    assert daemons_of(grep(f'"run": {run["id"]}')) == ["api", "runner"]
    assert daemons_of(grep('"request": "run-1-1"')) == ["runner", "api"]
    assert any(line["message"] == "API: run 1: completed" for line in lines)


HOSTILE = (
    b"mine\r\n Set-Cookie: a=b",
    b"mine\r\n\tSet-Cookie: a=b",
    b"mine\rSet-Cookie: a=b",
    b"mine\nSet-Cookie: a=b",
    b"mine%0d%0aSet-Cookie: a=b",
    b"mine\r\nX-Request-Id: yours",
    b"mine\x00",
    b"mine\xe2\x80\xae",
    b'mine"}',
    b"mine" * 17,
)


def test_no_header_gets_into_an_answer_by_an_id(house) -> None:
    for sent in HOSTILE:
        with socket.create_connection((HOST, house.api_port), 30) as connection:
            connection.sendall(
                b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                b"X-Request-Id: " + sent + b"\r\n\r\n"
            )
            head = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")[0]
        first, *headers = head.split(b"\r\n")
        ids = [line for line in headers if line.startswith(HEADER.encode())]
        # Of what is no HTTP at all the server says so, without us.
        assert len(ids) == (0 if b" 400 " in first else 1), sent
        assert b"mine" not in head


def test_no_secret_and_no_body_is_in_any_log(house) -> None:
    folder = house.folder
    secrets = [file.read_text().strip() for file in (folder / "data").glob("*.token")]
    told = "".join(
        file.read_text(errors="replace") for file in [*folder.glob("*.log"), *folder.glob("log/*")]
    )

    assert len(secrets) > 1
    assert "Bearer" not in told
    assert [secret for secret in [*secrets, "hello 1 words"] if secret in told] == []


def test_the_log_is_its_owners_alone(house) -> None:
    assert (Path(house.folder) / "log" / "postroom.log").stat().st_mode & 0o777 == 0o600
