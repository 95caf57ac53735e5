"""Backups of a running house; an earlier one is restored, and the rest fetched again."""

import re
import shlex
import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.chain.conftest import account
from tests.chain.mails import hashes, mails
from tests.documents import BLOCK, text
from tests.servers import commands, forked
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def house(
    request: pytest.FixtureRequest, dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> Daemons:
    """API and master, running, on either database; it leaves a server's database behind."""
    api = {}
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        api = {"database": postgres.make()}
    running = daemons({"work": account(dovecot)}, {"api": api})
    running.start("api", "master")
    return running


def run(house: Daemons, *words: str, status: int = 0) -> str:
    done = commands.run(house.folder, "api", *words, seconds=110)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_an_earlier_backup_is_restored_and_what_came_since_is_fetched_again(
    dovecot: Dovecot, house: Daemons
) -> None:
    raws = mails(120)
    dovecot.deliver("work", raws[:50])
    house.pull()
    first = run(house, "backup", "backups")
    dovecot.deliver("work", raws[50:100])
    house.pull()
    second = run(house, "backup", "backups")
    dovecot.deliver("work", raws[100:])
    house.pull()
    refused = run(house, "restore", "backups", status=2)
    for name in ("master", "api"):
        house.terminate(name)
    (moment, *_) = re.findall(r"\d{8}T\d{6}Z", first)

    told = run(house, "restore", "backups", "--at", moment, "--replace")
    house.start("api", "master")
    assert sorted(house.hashes()) == hashes(raws[:50])
    house.pull()

    counts = [re.findall(r"\d+ raw mails", each) for each in (first, second, told)]
    assert counts == [["50 raw mails"], ["100 raw mails"], ["50 raw mails"]]
    assert "the API runs: stop it first" in refused
    assert sorted(house.hashes()) == hashes(raws)
    receipt = house.last_receipt()
    assert (receipt["listed"], receipt["stored"], receipt["missing"]) == (120, 120, 0)
    kinds = [each["kind"] for each in house.items("/v1/events")]
    assert (kinds.count("mail.stored"), kinds.count("database.restored")) == (120, 1)
    raw = house.get(f"/v1/mails/{house.items('/v1/mails')[0]['id']}/raw")
    assert raw in raws


def test_a_restore_that_is_killed_is_run_again(dovecot: Dovecot, house: Daemons) -> None:
    raws = mails(150)
    dovecot.deliver("work", raws)
    house.pull()
    run(house, "backup", "backups")
    for name in ("master", "api"):
        house.terminate(name)
    for delay in (0.1, 0.3):
        kill_after(house, delay)

    told = run(house, "restore", "backups", "--replace")

    assert "150 raw mails" in told
    house.start("api", "master")
    assert house.processes["api"].poll() is None, house.log("api")
    assert sorted(house.hashes()) == hashes(raws)
    house.pull()
    assert house.last_receipt()["missing"] == 0
    assert "lost" not in house.log("api")


def kill_after(house: Daemons, seconds: float) -> None:
    """Kill a restore on its way; wherever that is."""
    words = ["restore", "backups", "--replace"]
    nowhere = subprocess.DEVNULL
    with forked.start("api", words, house.folder, {}, nowhere, nowhere) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)


def test_each_line_of_the_page_runs(daemons: Callable[..., Daemons]) -> None:
    house = daemons({})
    house.start("api")
    house.post("/api", [{"mailbox": "work", "uid": 1, "subject": "one"}])
    blocks = [block for kind, block in BLOCK.findall(text("docs/backup.md")) if kind == "sh"]
    lines = [line for block in blocks for line in block.splitlines()]
    assert lines

    for line in lines:
        program, words = shlex.split(line)[:3], shlex.split(line)[3:]
        assert program == ["python", "-m", "api"]
        words = [word.replace("/var/backups/postroom", "backups") for word in words]
        if "--replace" in words:
            house.terminate("api")
        run(house, *words)

    house.start("api")
    assert [each["subject"] for each in house.items("/v1/mails")] == ["one"]
