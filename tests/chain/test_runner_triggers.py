"""Scripts on new mail and over all that is stored, through the whole chain."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chain.pages import files, page
from tests.servers.scripting import Scripting
from tests.servers.web import WebServer
from tests.waiting import wait_until

MAIL = """From: shop@example.org
To: us@example.org
Subject: {subject}
Date: Mon, 02 Feb 2026 09:00:00 +0000
Message-ID: <{number}@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

number {number}
--b
Content-Type: text/csv
Content-Disposition: attachment; filename="prices.csv"

{number},2
--b--
"""
READS = """
from postroom_script import context, output
mail = context.mail
raw = mail.raw.count(b"\\n")
table = mail.attachments[0].read().decode().strip()
output(f"{mail.subject}: {mail.text.strip()}: {table}: {raw}")
"""
COUNTS = """
from postroom_script import context, output
output(len(context.mail.text) + context.arguments.more)
"""
SIZES = """
from postroom_script import context, output
file = context.file
output(f"{file.page} {file.filename}: {len(file.read())}")
"""
SLOW = """
import time
from postroom_script import context, output
time.sleep(0.05)
output(context.mail.subject)
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Scripting]:
    """An API, a master and a mailbox that is still empty."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    mailboxes = {"work": {"source": "maildir", "path": tmp_path / "Maildir"}}
    made = Scripting(tmp_path, mailboxes, lease_seconds=3)
    made.start("master")
    yield made
    for process in made.processes.values():
        process.send_signal(signal.SIGCONT)
    made.close()


def arrive(here: Scripting, *numbers: int, subject: str = "prices") -> None:
    for number in numbers:
        raw = MAIL.format(subject=subject, number=number)
        (here.folder / "Maildir/new" / f"{subject}{number}.host").write_text(raw)
    here.pull()


def replayed(here: Scripting, name: str, **told: Any) -> dict[str, Any]:
    id_ = here.order(f"/v1/scripts/{name}/replay", told)["id"]
    wait_until(lambda: here.get(f"/v1/replays/{id_}")["state"] != "running", 60, "the replay")
    return dict(here.get(f"/v1/replays/{id_}"))


def lines(here: Scripting, replay: int) -> list[dict[str, Any]]:
    told: bytes = here.get(f"/v1/replays/{replay}/result.jsonl")
    return [json.loads(line) for line in told.splitlines()]


def test_each_new_mail_that_matches_runs_the_script_once(here: Scripting) -> None:
    arrive(here, 1)
    here.script("prices", READS, on_mail="subject:prices")
    for name in ("runner", "other"):
        here.run_scripts(name)
    arrive(here, 2)
    arrive(here, 3, subject="lunch")

    wait_until(lambda: here.items("/v1/runs?status=completed"), 60, "the run")
    arrive(here, 4)
    wait_until(lambda: len(here.items("/v1/runs?status=completed")) == 2, 60, "the other run")

    newest, first = here.items("/v1/runs")
    assert first["trigger"]["kind"] == "mail"
    assert here.output(first["id"]) == "prices: number 2: 2,2: 18\n"
    assert here.output(newest["id"]).startswith("prices: number 4: 4,2")


def test_each_new_file_of_a_page_runs_the_script_once(tmp_path: Path, web: WebServer) -> None:
    files(web, {"a.csv": b"one"})
    here = Scripting(tmp_path, pages={"docs": page(web)})
    try:
        here.start("master")
        # What a page has before there is a script is no news to it.
        assert here.look() == 0
        here.script("sizes", SIZES, on_file="docs", overlap="queue")
        for name in ("runner", "other"):
            here.run_scripts(name)
        files(web, {"a.csv": b"one", "b.csv": b"three"})
        assert here.look() == here.look() == 0
        wait_until(lambda: here.items("/v1/runs?status=completed"), 60, "the run of the new file")
        files(web, {"a.csv": b"changed", "b.csv": b"three"})
        assert here.look() == 0
        wait_until(lambda: len(here.items("/v1/runs?status=completed")) == 2, 60, "the other run")

        changed, new = here.items("/v1/runs")
        assert new["trigger"]["kind"] == changed["trigger"]["kind"] == "file"
        assert here.output(new["id"]) == "docs b.csv: 5\n"
        assert here.output(changed["id"]) == "docs a (2).csv: 7\n"
    finally:
        here.close()


def test_a_replay_tells_what_differs_from_the_last(here: Scripting) -> None:
    arrive(here, 1, 2)
    here.script("counts", COUNTS, arguments={"more": 0})
    here.run_scripts()
    first = replayed(here, "counts", mails={})
    arrive(here, 3)

    same = replayed(here, "counts", mails={})
    other = replayed(here, "counts", mails={}, arguments={"more": 1})

    assert (first["state"], first["completed"], first["failed"]) == ("completed", 2, 0)
    assert same["differences"] == {"added": 1, "gone": 0, "changed": 0, "same": 2}
    assert other["differences"] == {"added": 0, "gone": 0, "changed": 3, "same": 0}
    assert [line["was"] for line in lines(here, other["id"])] == ["changed"] * 3


def test_a_replay_says_which_items_failed(here: Scripting) -> None:
    arrive(here, 1, 2)
    here.script("bad", "from postroom_script import context\n1 / (context.mail.id - 1)")
    here.run_scripts()

    ended = replayed(here, "bad", mails={})

    assert (ended["state"], ended["completed"], ended["failed"]) == ("completed", 1, 1)
    assert [line["error"] != "" for line in lines(here, ended["id"])] == [True, False]


def test_a_script_that_cannot_start_fails_for_every_item(here: Scripting) -> None:
    arrive(here, 1, 2)
    here.script("secret", "print(1)", secrets=["NOWHERE"])
    here.run_scripts()

    ended = replayed(here, "secret", mails={})

    assert (ended["completed"], ended["failed"]) == (0, 2)
    assert {"NOWHERE" in line["error"] for line in lines(here, ended["id"])} == {True}


def test_a_replay_goes_on_where_a_killed_runner_left_it(here: Scripting) -> None:
    arrive(here, *range(1, 31))
    here.script("slow", SLOW)
    here.run_scripts()
    id_ = here.order("/v1/scripts/slow/replay", {"mails": {}})["id"]
    wait_until(lambda: here.get(f"/v1/replays/{id_}")["completed"] > 0, 60, "some items")
    here.kill("runner")
    done = here.get(f"/v1/replays/{id_}")["completed"]
    assert done < 30
    here.run_scripts("other")

    wait_until(lambda: here.get(f"/v1/replays/{id_}")["state"] == "completed", 60, "its end")

    assert len(lines(here, id_)) == 30
