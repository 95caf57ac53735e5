"""A SQLite installation moved to PostgreSQL, killed again and again on its way."""

import random
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.servers import commands, forked
from tests.servers.daemons import Daemons
from tests.servers.postgres import Postgres

MAILS, KILLS = 500, 6


def mail(number: int) -> dict[str, object]:
    return {
        "mailbox": "work",
        "uid": number + 1,
        "subject": f"mail {number} \0 é",
        "from": [["Ann", "ann@example.org"]],
        "text": f"common text of w{number} " * 50,
        "message_id": f"<{number}@x>",
        "references": [f"<{number - number % 5}@x>"],
    }


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Daemons]:
    daemons = Daemons(tmp_path, {})
    daemons.start("api")
    for start in range(0, MAILS, 250):
        daemons.post("/api", [mail(n) for n in range(start, start + 250)])
    yield daemons
    daemons.close()


def begin_move(here: Daemons, url: str) -> subprocess.Popen[bytes]:
    words = ["--config", str(here.folder / "config.ini"), "move", "--to", url]
    with (here.folder / "move.log").open("ab") as out:
        return forked.start("api", words, ROOT, {}, out, out)


def seen(here: Daemons) -> dict[str, object]:
    lists = ("/v1/mails", "/v1/mails?q=common", "/v1/mails?q=w7", "/v1/threads", "/v1/events",
             "/v1/mailboxes")  # fmt: skip
    cursor = here.get("/v1/events?limit=5")["next_cursor"]
    return {**{path: here.items(path) for path in lists}, "cursor": cursor}


def test_all_is_moved_though_it_is_killed_again_and_again(
    here: Daemons, postgres: Postgres
) -> None:
    url = postgres.make()
    first = begin_move(here, url)
    # It goes on answering, and takes what comes.
    here.post("/api", [mail(MAILS)])
    assert first.wait(120) == 1, here.log("move")
    assert "Stop the API now" in here.log("move")
    here.post("/api", [mail(MAILS + 1)])
    before = seen(here)
    here.terminate("api")
    # What was deleted last leaves its number behind.
    with closing(sqlite3.connect(here.folder / "data/postroom.sqlite")) as db:
        db.execute("UPDATE sqlite_sequence SET seq = 9000 WHERE name = 'mails'")
        db.execute("UPDATE mails SET subject = 'changed', changed = 'z' WHERE id = 3")
        db.commit()

    for _ in range(KILLS):
        moving = begin_move(here, url)
        try:
            moving.wait(random.uniform(0.05, 1))
        except subprocess.TimeoutExpired:
            moving.kill()
            moving.wait()
        else:
            break
    assert begin_move(here, url).wait(120) in (0, 2), here.log("move")

    assert f"mails {MAILS + 2}" in here.log("move")
    assert f"Now set in [api]:\ndatabase = {url}\n" in here.log("move")
    here.add("api", database=url)
    here.start("api")
    after = seen(here)
    assert after["/v1/events"] == before["/v1/events"]
    assert after["cursor"] == before["cursor"]
    assert ids(after["/v1/threads"]) == ids(before["/v1/threads"])
    for path in ("/v1/mails?q=common", "/v1/mails?q=w7"):
        assert ids(after[path]) == ids(before[path])
    assert here.get("/v1/mails/3")["subject"] == "changed"
    (new,) = here.post("/api", [mail(MAILS + 2)])["items"]
    assert new["id"] == 9001
    postgres.drop(url)


def ids(items: object) -> list[int]:
    assert isinstance(items, list)
    return [each["id"] for each in items]


def test_an_api_does_not_start_on_a_half_moved_database(here: Daemons, postgres: Postgres) -> None:
    url = postgres.make()
    assert begin_move(here, url).wait(120) == 1
    here.terminate("api")

    here.add("api", database=url)
    started = commands.run(here.folder, "api")

    assert started.returncode == 2
    assert "the move into it is not at its end" in started.stderr
    postgres.drop(url)
