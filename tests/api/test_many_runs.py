"""A hundred thousand runs: what is asked often does no more work than with a hundred."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from api.database import open_database
from postroom.storage import open_storage
from tests.api.caller import Caller
from tests.api.scripter import Scripter

RUNS = 100_000
#: Instructions of SQLite's machine; to look at each run takes several for each.
MOST = 100_000
_EACH = 100
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {runs})"
_TASKS = """
    INSERT INTO tasks (id, created, changed, kind, source, target, state, due, lease_until, worker,
        attempts, result)
    {numbers} SELECT i, created, changed, kind, source, target,
        CASE WHEN i % 4 = 0 THEN 'due' ELSE 'done' END, due, lease_until, worker, attempts, result
    FROM n JOIN tasks t ON t.id = 1"""
_RUNS = """
    INSERT INTO runs ({columns}) {numbers} SELECT {values} FROM n JOIN runs r ON r.id = 1"""
#: Of what differs between two runs; one in four waits, few failed, and none of the other script.
_OWN = {
    "id": "i",
    "task_id": "i",
    "created": "strftime('%Y-%m-%dT%H:%M:%fZ', 1700000000 + i, 'unixepoch')",
    "status": "CASE WHEN i % 4 = 0 THEN 'pending' WHEN i % 1000 = 1 THEN 'error' "
    "ELSE 'completed' END",
    "dead_letters": "i % 10000 = 5",
}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripter]:
    folder: Path = tmp_path_factory.mktemp("many")
    db = open_database(folder / "postroom.sqlite")
    storage, files = (open_storage("directory", folder / name) for name in ("mails", "files"))
    made = Scripter(Caller(create_app(db, storage, files=files), db, storage, files))
    for name in ("busy", "other"):
        made.script(name, overlap="allow")
    made.run("busy")
    numbers = _NUMBERS.format(runs=RUNS)
    with db.writing():
        columns = [each.name for each in db.get_columns("runs")]
        values = ", ".join(_OWN.get(name, f'r."{name}"') for name in columns)
        quoted = ", ".join(f'"{name}"' for name in columns)
        db.execute_sql(_TASKS.format(numbers=numbers))
        db.execute_sql(_RUNS.format(columns=quoted, numbers=numbers, values=values))
    yield made
    db.close_all()
    storage.close()


@contextmanager
def counted(scripter: Scripter) -> Iterator[Callable[[], int]]:
    """How many instructions the database has done since."""
    done = 0

    def count() -> None:
        nonlocal done
        done += _EACH

    with scripter.api.db.writing():
        writer: Any = scripter.api.db.connection()
    connections = (writer, scripter.api.db.connection())
    for each in connections:
        each.set_progress_handler(count, _EACH)
    yield lambda: done
    for each in connections:
        each.set_progress_handler(None, 0)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/runs",
        "/v1/runs?limit=500",
        "/v1/runs?script=busy",
        "/v1/runs?script=other",
        "/v1/runs?status=error",
        "/v1/runs?status=pending&limit=500&fields=id,phase,due",
        "/v1/runs?script=busy&status=error",
        "/v1/runs?trigger=hand",
        "/v1/runs?trigger=clock",
        "/v1/runs?script=busy&trigger=mail",
        "/v1/runs?has=dead_letters",
        "/v1/runs?file=1",
        "/v1/runs?script=busy&mail=1",
        "/v1/runs?since=2023-11-15",
        "/v1/runs?since=2023-11-15&script=other",
        "/v1/runs/99999",
        "/v1/scripts",
        "/v1/scripts/busy",
    ],
)
def test_a_list_does_not_look_at_each_run(many: Scripter, path: str) -> None:
    with counted(many) as done:
        many.get(path)

        assert done() < MOST


def test_a_later_page_costs_what_the_first_does(many: Scripter) -> None:
    first = many.get("/v1/runs?script=busy&limit=500")

    with counted(many) as done:
        many.get(f"/v1/runs?script=busy&cursor={first['next_cursor']}")

        assert done() < MOST


def test_a_run_is_given_out_and_ended_among_many_that_wait(many: Scripter) -> None:
    with counted(many) as done:
        (run,) = many.claim()
        many.finish(run)

        assert done() < MOST
