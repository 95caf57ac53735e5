"""`python -m provider`, as a person starts it."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import commands, forked
from tests.stubs.master import StubMaster
from tests.stubs.rig import mail
from tests.waiting import wait_until


@pytest.fixture
def master() -> Iterator[StubMaster]:
    master = StubMaster()
    yield master
    master.close()


@pytest.fixture
def folder(tmp_path: Path, master: StubMaster) -> Path:
    """A folder with two mailboxes and their config.ini."""
    for name in ("one", "two"):
        (tmp_path / name / "new").mkdir(parents=True)
        (tmp_path / name / "cur").mkdir()
        (tmp_path / name / "new" / "1.a").write_bytes(mail(1) + name.encode())
    configure(tmp_path, f"[provider]\nmaster = {master.address}\n{MAILBOXES}")
    return tmp_path


MAILBOXES = """
[mailbox one]
source = maildir
path = one
[mailbox two]
source = maildir
path = two
"""


def configure(folder: Path, text: str) -> None:
    (folder / "config.ini").write_text(text)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return commands.run(folder, "provider", *arguments)


def test_once_brings_every_mailbox_and_ends_well(folder: Path, master: StubMaster):
    done = run(folder, "--once")

    assert done.returncode == 0, done.stderr
    assert len(master.raws("one")) == len(master.raws("two")) == 1
    assert "Slave one: hello, maildir at" in done.stderr
    assert "Slave one: INBOX: 1 listed, 1 stored, 0 missing" in done.stderr


def test_a_second_run_says_that_there_is_no_new_mail(folder: Path, master: StubMaster):
    run(folder, "one", "--once")

    done = run(folder, "one", "--once")

    assert "Slave one: no new mail" in done.stderr
    assert len(master.pushed()) == 1


def test_a_name_serves_that_mailbox_alone(folder: Path, master: StubMaster):
    run(folder, "two", "--once")

    assert master.raws("one") == []
    assert len(master.raws("two")) == 1


def test_an_unknown_name_lists_the_known(folder: Path):
    done = run(folder, "three")

    assert done.returncode == 2
    assert "known are one, two" in done.stderr


def test_without_a_mailbox_it_says_what_to_do(folder: Path):
    configure(folder, "")

    done = run(folder)

    assert done.returncode == 2
    assert "copy config.example.ini to config.ini" in done.stderr


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("colour = red", "[mailbox one] colour"),
        ("source = pigeon", "config.ini: [mailbox one] source: unknown source 'pigeon'"),
        ("source = imap\nfirst = some", "expected all, newest N or since"),
        ("source = imap\nserver = localhost", "no user name or no password"),
    ],
)
def test_a_wrong_setting_ends_in_a_sentence(folder: Path, line: str, expected: str):
    configure(folder, f"[mailbox one]\n{line}\n")

    done = run(folder, "--once")

    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1", "tcp://127.0.0.1:many"])
@pytest.mark.parametrize("arguments", [["--once"], ["--check"]])
def test_an_address_of_the_master_that_is_none_is_a_wrong_setting(
    folder: Path, address: str, arguments: list[str]
):
    configure(folder, f"[provider]\nmaster = {address}\n{MAILBOXES}")

    done = run(folder, *arguments)

    assert done.returncode == (1 if arguments == ["--check"] else 2)
    assert f"{folder / 'config.ini'}: [provider] master: '{address}'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_once_with_a_source_that_cannot_be_read_fails(folder: Path):
    (folder / "one" / "new" / "1.a").unlink()
    (folder / "one" / "new").rmdir()

    done = run(folder, "--once")

    assert done.returncode == 1
    assert "is no Maildir" in done.stderr


def test_check_tells_of_mailboxes_and_master(folder: Path):
    done = run(folder, "--check", "--json")

    assert done.returncode == 0, done.stdout
    assert [(line["name"], line["ok"]) for line in json.loads(done.stdout)] == [
        ("settings", True), ("mailbox one", True), ("mailbox two", True), ("master", True),
    ]  # fmt: skip


def test_check_says_what_is_wrong(folder: Path, free_port: int):
    configure(folder, f"[provider]\nmaster = tcp://127.0.0.1:{free_port}\n{MAILBOXES}")
    (folder / "one" / "cur").rmdir()

    done = run(folder, "--check")

    assert done.returncode == 1
    assert "FAIL mailbox one" in done.stdout
    assert "FAIL master" in done.stdout


def test_the_first_signal_ends_it_in_order(folder: Path, master: StubMaster):
    with (folder / "log").open("wb") as log:
        process = forked.start("provider", [], folder, {}, log, log)
    wait_until(lambda: len(master.receipts) == 2)

    process.send_signal(signal.SIGTERM)

    assert process.wait(60) == 0
