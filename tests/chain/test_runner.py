"""Runners as processes against a real API: each run once, whatever dies."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from api.schedule import stamp
from tests.long import one_in
from tests.servers.deaf_link import DeafLink
from tests.servers.processes import children
from tests.servers.rabbit import OwnRabbit, Rabbit
from tests.servers.scripting import Scripting
from tests.waiting import wait_until

HELLO = "from postroom_script import context, output\nprint('hello')\noutput(context.run_id)\n"
FILES = """
import sys
output(context.secrets["KEY"])
output.file("a.csv", f"x,{context.secrets['KEY']}")
print(context.secrets["KEY"], file=sys.stderr)
"""
#: Writes a line, waits for a file, ends.
WAITS = """
import pathlib, time
from postroom_script import context, output
print("began", flush=True)
while not pathlib.Path(context.arguments.until).exists():
    time.sleep(0.02)
output("done")
"""
#: As HELLO, and leaves a mark for each time that it ran.
MARKS = """
import os
from postroom_script import context
os.close(os.open(f"{context.arguments.folder}/{context.run_id}-{os.getpid()}", os.O_CREAT))
"""
House = Callable[..., Scripting]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Makes an API with the settings of its runners."""
    made: list[Scripting] = []

    def make(**runner: Any) -> Scripting:
        made.append(Scripting(tmp_path, **runner))
        return made[-1]

    yield make
    for each in made:
        for process in each.processes.values():
            process.send_signal(signal.SIGCONT)
        each.close()


#: Where the one is as good as the other, `make test` is content with the first.
@pytest.fixture(params=one_in(2, ["rows", "rabbit"]))
def spread(request: pytest.FixtureRequest, house: House) -> House:
    """The same, by each implementation of the seam."""
    if request.param == "rows":
        return house
    rabbit: Rabbit = request.getfixturevalue("rabbit")
    return lambda **runner: house(queue=rabbit.fresh_url(), **runner)


def secret(here: Scripting, name: str, value: str) -> None:
    """Give the runners of this house a secret."""
    file = here.folder / "data/secrets" / name
    file.parent.mkdir(mode=0o700)
    file.touch(0o600)
    file.write_text(value)


def marking(here: Scripting, tmp_path: Path) -> Path:
    """Make a script that leaves a mark in a folder each time it runs."""
    marks = tmp_path / "marks"
    marks.mkdir()
    here.script("marks", MARKS, overlap="allow", arguments={"folder": str(marks)})
    return marks


def marked(marks: Path) -> list[int]:
    """The runs that left marks, one for each time."""
    return sorted(int(path.name.split("-")[0]) for path in marks.iterdir())


def test_a_run_has_its_log_its_output_and_its_files(spread: House) -> None:
    here = spread()
    secret(here, "KEY", "sesame-42")
    here.script("hello", HELLO + FILES, secrets=["KEY"])
    here.run_scripts()

    run = here.over(here.hand("hello"))

    assert (run["status"], run["exit_code"], run["isolation"]) == ("completed", 0, "none")
    assert (here.text(1), here.text(1, "err"), here.output(1)) == ("hello\n", "***\n", "1\n***\n")
    assert [each["name"] for each in run["artefacts"]] == ["a.csv"]
    assert here.get("/v1/runs/1/artefacts/1") == b"x,***"


def test_a_run_that_fails_says_why(spread: House) -> None:
    here = spread()
    here.script("bad", "raise ValueError('no rates today')")
    here.run_scripts()

    run = here.over(here.hand("bad"))

    assert (run["status"], run["exit_code"]) == ("error", 1)
    assert "no rates today" in run["error"]
    assert "no rates today" in here.output(1)


def test_its_log_is_read_while_it_runs_and_a_stop_ends_it(spread: House, tmp_path: Path) -> None:
    here = spread(lease_seconds=3)
    here.script("waits", WAITS, retries=3)
    here.run_scripts()
    id_ = here.hand("waits", arguments={"until": str(tmp_path / "never")})

    assert here.running(id_)["phase"] == "running"
    assert here.text(id_) == "began\n"
    here.order(f"/v1/runs/{id_}/stop", {})
    run = here.over(id_)

    assert (run["status"], run["attempt"]) == ("error", 1)
    assert "stopped" in run["error"]


@pytest.mark.parametrize(
    ("spread", "runs"),
    [
        ("rows", 50),
        pytest.param("rows", 200, marks=pytest.mark.long),
        pytest.param("rabbit", 200, marks=pytest.mark.long),
    ],
    indirect=["spread"],
)
def test_two_runners_do_each_of_many_runs_once(spread: House, tmp_path: Path, runs: int) -> None:
    here = spread()
    marks = marking(here, tmp_path)
    ids = [here.hand("marks") for _ in range(runs)]
    for name in ("runner", "other"):
        here.run_scripts(name)

    rows = here.all_over(ids, seconds=240)

    assert {(row["status"], row["attempt"]) for row in rows} == {("completed", 1)}
    assert marked(marks) == ids
    assert len({row["worker"] for row in rows}) == 2


def test_an_answer_that_is_lost_costs_no_run(spread: House, tmp_path: Path) -> None:
    here = spread(token_file="data/runner.token")
    marks = marking(here, tmp_path)
    ids = [here.hand("marks") for _ in range(8)]
    lost = {"/v1/runs/claim": {1, 3}, r"/v1/runs/\d+/finish": {1, 3, 4}}
    with DeafLink(here.api_port, lost) as link:
        here.add("api", url=link.url)
        here.run_scripts()

        rows = here.all_over(ids)

    assert {(row["status"], row["attempt"]) for row in rows} == {("completed", 1)}
    assert marked(marks) == ids
    assert all(link.asked.values())


def test_a_run_whose_runner_is_killed_is_lost_or_done_again(spread: House, tmp_path: Path) -> None:
    here = spread(lease_seconds=3)
    go = tmp_path / "go"
    for name, retries in (("once", 0), ("again", 1)):
        here.script(name, WAITS, retries=retries, arguments={"until": str(go)})
    here.run_scripts()
    ids = [here.hand("once"), here.hand("again")]
    for id_ in ids:
        here.running(id_)
    orphans = children(here.processes["runner"].pid)
    here.kill("runner")
    for pid in orphans:
        os.kill(pid, signal.SIGKILL)
    go.touch()
    here.run_scripts()

    once, again = (here.over(id_) for id_ in ids)

    assert (once["status"], once["error"]) == ("error", "worker lost")
    assert (again["status"], again["attempt"]) == ("completed", 2)


def test_a_runner_that_wakes_after_its_lease_changes_nothing(spread: House, tmp_path: Path) -> None:
    here = spread(lease_seconds=3)
    go = tmp_path / "go"
    here.script("waits", WAITS, retries=1, arguments={"until": str(go)})
    here.run_scripts()
    id_ = here.hand("waits")
    here.running(id_)
    first = here.processes["runner"]
    first.send_signal(signal.SIGSTOP)
    here.run_scripts("other")
    wait_until(lambda: here.run(id_)["attempt"] == 2, 60, "the other runner to have it")
    go.touch()
    done = here.over(id_)

    first.send_signal(signal.SIGCONT)

    wait_until(lambda: "nothing of it is kept" in here.log("runner"), 60, "the first to know")
    assert here.run(id_) == done
    assert (done["status"], done["attempt"]) == ("completed", 2)


def test_an_api_that_is_away_for_a_while_costs_no_run(spread: House, tmp_path: Path) -> None:
    here = spread(lease_seconds=30)
    go = tmp_path / "go"
    here.script("waits", WAITS, arguments={"until": str(go)})
    here.script("hello", HELLO)
    here.run_scripts()
    id_ = here.hand("waits")
    here.running(id_)
    here.kill("api")
    go.touch()
    wait_until(lambda: "does not answer" in here.log("runner"), 60, "the runner to notice")
    here.start("api")

    assert here.over(id_)["status"] == "completed"
    assert here.output(id_) == "done\n"
    assert here.over(here.hand("hello"))["status"] == "completed"


def test_what_is_not_over_when_a_runner_ends_goes_to_another(spread: House, tmp_path: Path) -> None:
    here = spread(drain_seconds=0.5)
    go = tmp_path / "go"
    here.script("waits", WAITS, arguments={"until": str(go)})
    here.run_scripts()
    id_ = here.hand("waits")
    here.running(id_)

    assert here.terminate("runner") == 0
    waiting = here.run(id_)
    go.touch()
    here.run_scripts("other")

    assert (waiting["phase"], waiting["attempt"], waiting["log"]["out"]) == ("waiting", 0, 0)
    done = here.over(id_)
    assert (done["status"], done["attempt"]) == ("completed", 1)
    assert here.text(id_) == "began\n"


def test_what_is_soon_over_when_a_runner_ends_is_done(spread: House, tmp_path: Path) -> None:
    here = spread(drain_seconds=30)
    go = tmp_path / "go"
    here.script("waits", WAITS, arguments={"until": str(go)})
    process = here.run_scripts()
    id_ = here.hand("waits")
    here.running(id_)
    process.terminate()
    wait_until(lambda: "waiting for run" in here.log("runner"), 60, "the runner to wait")
    go.touch()

    assert process.wait(60) == 0
    assert here.run(id_)["status"] == "completed"


def test_a_rabbitmq_that_is_killed_costs_no_run_and_doubles_none(
    house: House, own_rabbit: OwnRabbit, tmp_path: Path
) -> None:
    here = house(queue=own_rabbit.fresh_url())
    marks, go = marking(here, tmp_path), tmp_path / "go"
    here.script("waits", WAITS, overlap="allow", arguments={"until": str(go)})
    waits = [here.hand("waits") for _ in range(2)]
    ids = [here.hand("marks") for _ in range(16)]
    for name in ("runner", "other"):
        here.run_scripts(name)
    wait_until(lambda: marked(marks), 60, "the first of many runs")
    for id_ in waits:
        here.running(id_)

    own_rabbit.kill()
    ids += [here.hand("marks") for _ in range(6)]
    wait_until(lambda: "no runs are sent" in here.log("runner"), 60, "the runner to notice")
    own_rabbit.start()
    go.touch()

    rows = here.all_over([*waits, *ids], seconds=120)
    assert {(row["status"], row["attempt"]) for row in rows} == {("completed", 1)}
    assert marked(marks) == ids


MISSED = {"once": ["late", "missed", "missed"], "all": ["late"] * 3, "skip": ["missed"] * 3}


def test_what_was_missed_while_down_runs_as_each_rule_says(house: House) -> None:
    here = house()
    half_past = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=99, minutes=30)
    for rule in MISSED:
        here.script(rule, HELLO, missed=rule, overlap="queue", repeat_after=3600,
                    scheduled_time=half_past.isoformat())  # fmt: skip
    here.kill("api")
    with closing(sqlite3.connect(here.folder / "data/postroom.sqlite")) as db:
        # As if all had been down since then.
        since = stamp(datetime.now(UTC) - timedelta(hours=3))
        db.execute("UPDATE scripts SET planned = ?", (since,))
        db.commit()
    here.start("api")
    here.run_scripts()

    for rule, states in MISSED.items():
        slots = f"/v1/scripts/{rule}/slots"
        wait_until(partial(here.items, slots), 60, f"the slots of {rule}")
        rows = here.items(slots)
        assert [row["state"] for row in rows] == states
        late = [row["run"] for row in rows if row["state"] == "late"]
        assert [row["id"] for row in here.items(f"/v1/runs?script={rule}")] == late
        here.all_over(late)


def test_a_clock_strikes_once_for_all_runners(house: House) -> None:
    here = house()
    # Every second from now on.
    here.script("tick", HELLO, overlap="allow", scheduled_time="2026-01-01T00:00:00Z",
                repeat_after=1)  # fmt: skip
    for name in ("runner", "other"):
        here.run_scripts(name)
    slots = "/v1/scripts/tick/slots"

    wait_until(lambda: len(here.items(slots)) >= 3, 60, "three slots")

    rows = here.items(slots)
    assert len({row["slot"] for row in rows}) == len(rows)
    assert {row["state"] for row in rows} <= {"run", "late"}
    assert all(row["slot"].endswith(".000Z") for row in rows)


def test_a_file_in_the_folder_becomes_a_script_and_runs(house: House) -> None:
    here = house()
    folder = here.folder / "scripts"
    folder.mkdir()
    (folder / "mine.py").write_text("print('one')")
    here.run_scripts()
    wait_until(lambda: here.items("/v1/scripts"), 60, "the script")

    first = here.over(here.hand("mine"))
    (folder / "mine.py").write_text("print('two, and longer')")
    wait_until(lambda: here.get("/v1/scripts/mine")["version"] == 2, 60, "its next version")
    here.over(here.hand("mine"))

    assert (first["version"], here.text(1), here.text(2)) == (1, "one\n", "two, and longer\n")


def test_a_runner_without_a_token_waits_for_the_api_to_write_it(house: House) -> None:
    here = house()
    here.script("hello", HELLO)
    token = here.folder / "data/runner.token"
    kept = token.rename(token.with_name("away"))
    here.run_scripts()
    wait_until(lambda: "waiting for the API" in here.log("runner"), 60, "the runner to wait")

    kept.rename(token)

    assert here.over(here.hand("hello"))["status"] == "completed"


def test_check_says_what_is_in_force(house: House) -> None:
    here = house()

    lines = {line["name"]: line for line in here.check("runner")}

    assert {name: line["ok"] for name, line in lines.items()} == dict.fromkeys(
        ("settings", "api", "storage", "isolation", "uv", "secrets"), True
    )
    assert lines["isolation"]["detail"] == "none"
