"""One program, as FileMonitor was: `python -m monitor --alone` and FM_* variables, no settings."""

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.chain.pages import RECEIVER, files
from tests.servers import forked, processes
from tests.servers.smtp import SmtpServer
from tests.servers.swift import Swift
from tests.servers.web import WebServer
from tests.waiting import wait_until

SECRET = "hunter2-and-more"
TWO = {"a.pdf": b"one", "b.pdf": b"two"}


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer(users={"sender@example.org": SECRET}) as server:
        yield server


class Alone:
    """The program, with what it wrote to the terminal and to its log."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self._variables = variables
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str, is_forked: bool = True) -> "subprocess.Popen[bytes]":
        with (self.folder / "terminal").open("ab") as out:
            self.process = forked.start(
                "monitor", ["--alone", *arguments], self.folder, self._variables, out, out,
                is_alone=True, is_forked=is_forked,
            )  # fmt: skip
        return self.process

    @property
    def terminal(self) -> str:
        return (self.folder / "terminal").read_text()

    @property
    def log(self) -> str:
        file = self.folder / "fm.log"
        return file.read_text() if file.exists() else ""

    @property
    def url(self) -> str:
        wait_until(lambda: "API: http" in self.terminal, 40, "the API's address")
        found = re.findall(r"API: (http\S+),", self.terminal)
        return str(found[-1])

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read())

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def alone(
    tmp_path: Path, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Alone]]:
    made: list[Alone] = []
    for name in [name for name in os.environ if name[:3] in ("FM_", "FL_")]:
        monkeypatch.delenv(name)

    def make(**more: str) -> Alone:
        files(web, TWO)
        variables = {
            "FM_WEBPAGE_URL": f"{web.url}/",
            "FM_DB_NAME": "files.sqlite",
            "FL_LOGFILE": "fm.log",
            "FL_FORMAT": "%(levelname)s|%(message)s",
            "FM_DEBUG": "False",
            **more,
        }
        made.append(Alone(tmp_path, variables))
        return made[-1]

    yield make
    for each in made:
        each.close()


def mail_of(smtp: SmtpServer) -> dict[str, str]:
    return {
        "FM_EMAIL_SENDER": "sender@example.org",
        "FM_EMAIL_RECEIVER": RECEIVER,
        "FM_EMAIL_SENDER_PWD": SECRET,
        "FM_EMAIL_SERVER": smtp.host,
        "FM_EMAIL_PORT": str(smtp.port),
    }


def test_one_command_finds_stores_and_mails(
    alone: Callable[..., Alone], smtp: SmtpServer, tmp_path: Path
) -> None:
    program = alone(**mail_of(smtp))
    # Its environment and its command line are told by the kernel.
    monitor = program.start(is_forked=False)
    wait_until(lambda: smtp.mails, 60, "the digest")

    stored = program.get("/v1/files")["items"]
    assert sorted(each["filename"] for each in stored) == ["a.pdf", "b.pdf"]
    assert all(each["storage_url"].startswith("file:") for each in stored)
    assert (tmp_path / "files.sqlite").exists()
    assert "INFO|127.0.0.1: new file a.pdf, 3 bytes" in program.log
    (mail,) = smtp.mails
    assert mail.receivers == [RECEIVER]
    assert mail.user == "sender@example.org"
    assert program.url in mail.content.decode()

    children = processes.children(monitor.pid)
    assert len(children) == 2
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (monitor.pid, *children)]
    told = [Path(f"/proc/{pid}/environ").read_bytes() for pid in children]
    assert SECRET.encode() not in b"".join([*lines, *told])
    monitor.terminate()
    assert monitor.wait(20) == 0
    wait_until(lambda: not any(map(alive, children)), 10, "its children to end")
    assert SECRET not in program.log + program.terminal
    assert "Traceback" not in program.log + program.terminal
    assert list((tmp_path / "data/monitor").iterdir()) == []


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_it_goes_on_where_it_was_killed_and_takes_its_children_along(
    alone: Callable[..., Alone], smtp: SmtpServer, tmp_path: Path
) -> None:
    program = alone(**mail_of(smtp))
    monitor = program.start()
    wait_until(lambda: smtp.mails, 60, "the digest")
    children = processes.children(monitor.pid)

    monitor.send_signal(signal.SIGKILL)
    monitor.wait()

    wait_until(lambda: not any(map(alive, children)), 20, "the children of the dead to end")
    assert program.start("--once").wait(60) == 0
    assert "no new files at 20" in program.log
    assert len(smtp.mails) == 1
    assert list((tmp_path / "data/monitor").iterdir()) == []


def test_the_api_has_the_same_port_at_the_next_start(alone: Callable[..., Alone]) -> None:
    program = alone()
    assert program.start("--once").wait(60) == 0
    assert program.start("--once").wait(60) == 0

    first, second = re.findall(r"API: (http\S+),", program.terminal)
    assert first == second


def test_a_child_that_dies_is_started_again(alone: Callable[..., Alone]) -> None:
    program = alone(FM_INTERVAL_SECONDS="0.5")
    monitor = program.start()
    wait_until(lambda: "no new files at" in program.log, 60, "a second look")

    for pid in processes.children(monitor.pid):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: program.log.count("started again") == 2, 30, "both to be missed")

    looks = program.log.count("no new files at")
    wait_until(lambda: program.log.count("no new files at") > looks, 60, "another look")


def test_files_go_to_s3(alone: Callable[..., Alone], swift: Swift, tmp_path: Path) -> None:
    program = alone(
        FM_S3_ENDPOINT=swift.endpoint,
        FM_S3_REGION="us-east-1",
        FM_S3_BUCKET=swift.bucket,
        FM_S3_PREFIX=tmp_path.name,
        FM_S3_ACCESS_KEY=swift.access_key,
        FM_S3_SECRET_KEY=swift.secret_key,
        POSTROOM_S3_ACCESS_KEY="",
        POSTROOM_S3_SECRET_KEY="",
    )
    monitor = program.start()
    wait_until(lambda: program.log.count(": new file ") == 2, 60, "the files")

    stored = program.get("/v1/files")["items"]
    assert all(each["storage_url"].startswith(swift.endpoint) for each in stored)
    assert swift.secret_key not in program.log + program.terminal
    monitor.terminate()
    assert monitor.wait(20) == 0
