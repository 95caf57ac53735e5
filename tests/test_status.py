"""How all stands, in a terminal and without one; and whether somebody has to act, as a status."""

import json
import signal
from collections.abc import Iterator
from contextlib import closing

import pytest

from postroom import settings
from postroom.storage import open_mails
from tests.servers import forked
from tests.servers.commands import run
from tests.servers.daemons import Daemons
from tests.servers.scripting import Scripting
from tests.servers.terminal import Terminal
from tests.waiting import wait_until

HELLO = {
    "mailbox": "work", "kind": "maildir", "fingerprint": "a", "interval": 0, "version": "1",
}  # fmt: skip
ASIDE = {
    "mailbox": "work", "folder": "INBOX", "uidvalidity": 1, "key": 5, "outcome": "quarantined",
    "stage": "parse", "reason": "not a mail\x1b[2J",
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    """An API that has heard of a mailbox and of a script."""
    mailboxes = {"work": {"source": "maildir", "path": "Maildir"}}
    here = Scripting(tmp_path_factory.mktemp("house"), mailboxes)
    here.script("hello", "print(1)", cron="0 7 * * *")
    yield here
    here.close()


def set_aside(here: Daemons) -> None:
    """Let the API have something that somebody has to look at."""
    with closing(open_mails(settings.load(here.folder / "config.ini"))) as store:
        told = {**HELLO, "storage": store.id}
    epoch = here.post("/v1/mailboxes/work/hello", told)["epoch"]
    here.post("/api", [{**ASIDE, "epoch": epoch}])


def test_an_api_that_is_away_is_named_and_what_to_do(tmp_path):
    Daemons(tmp_path, {})
    away = run(tmp_path, "postroom", "status")

    assert away.returncode == 3
    assert "does not answer" in away.stderr
    assert "start it (python -m api)" in away.stderr


def test_all_is_seen_at_a_glance_and_the_status_says_whether_to_act(house):
    fine = run(house.folder, "postroom.status")
    waiting = house.hand("hello")
    set_aside(house)
    found = run(house.folder, "postroom.status")
    told = json.loads(run(house.folder, "postroom.status", "--json").stdout)

    assert (fine.returncode, "all is well" in fine.stdout) == (0, True), fine.stderr
    assert found.returncode == 1
    lines = found.stdout.splitlines()
    assert lines[1] == "! 1 in quarantine: see /v1/quarantine"
    for words in ("mailbox work", "0 7 * * *", "waiting", "INBOX 5", "tasks that wait: 1 run"):
        assert any(words in line for line in lines), words
    assert "\x1b" not in found.stdout
    assert told["attention"]["quarantined"] == 1
    assert told["sentences"] == ["1 in quarantine: see /v1/quarantine"]
    assert [each["id"] for each in told["runs"]] == [waiting]
    assert [each["name"] for each in told["mailboxes"] + told["scripts"]] == ["work", "hello"]


def test_without_a_terminal_each_look_follows_the_last(house):
    told = house.folder / "looks"
    with told.open("wb") as file:
        arguments = ["--watch", "0.2", "--json"]
        watching = forked.start("postroom.status", arguments, house.folder, {}, file, file)
    wait_until(lambda: told.read_bytes().count(b"\n") >= 3, 60, "three looks")
    watching.send_signal(signal.SIGTERM)

    assert watching.wait(timeout=60) == 0
    looks = [json.loads(line) for line in told.read_text().splitlines()]
    assert {look["api"]["url"].rpartition(":")[2] for look in looks} == {str(house.api_port)}


def test_a_terminal_is_drawn_anew_also_while_the_api_is_away_until_ctrl_c(house):
    terminal = Terminal(house.folder, "postroom.status", "--watch", "0.2")
    try:
        terminal.read_until("mailbox work", 60)
        house.terminate("api")
        terminal.read_until("start it", 60)
        # Up to where it began: it does not scroll.
        assert "\x1b[1A" in terminal.text
        house.start("api")
        terminal.forget()
        terminal.read_until("mailbox work", 60)
        terminal.type("\x03")

        assert terminal.status(60) == 0
    finally:
        terminal.close()


def test_too_short_a_pause_is_refused(tmp_path):
    refused = run(tmp_path, "postroom.status", "--watch", "0")

    assert refused.returncode == 2
    assert "expected 0.1 to 86400 seconds" in refused.stderr
