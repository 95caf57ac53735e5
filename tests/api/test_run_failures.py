"""Runs that fail, as their runner is lost or absent or the script errs: tried again, or ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api import upkeep
from api.models import Fact
from api.running import attendance, lost
from postroom import runs
from tests.api.scripter import Scripter, ago, events


@pytest.fixture(autouse=True)
def _script(scripter: Scripter) -> None:
    scripter.script()


def test_a_runner_that_wakes_after_its_lease_changes_nothing(scripter: Scripter) -> None:
    id_ = scripter.run()["id"]
    (run,) = scripter.claim()
    scripter.let_lease_end(id_)
    before = scripter.shown(id_)

    answers = [
        scripter.renew(run, 409),
        scripter.log(run, "late", status=409),
        scripter.finish(run, 409, output="late"),
    ]

    assert {answer["code"] for answer in answers} == {"lease_lost"}
    assert scripter.shown(id_) == before


def test_a_claim_of_another_attempt_is_refused(scripter: Scripter) -> None:
    scripter.put("/v1/scripts/prices", {"retries": 1})
    id_ = scripter.run()["id"]
    (old,) = scripter.claim()
    scripter.let_lease_end(id_)

    (new,) = scripter.claim("b")

    assert (new.run, new.attempt) == (id_, 2)
    assert scripter.finish(old, 409)["code"] == "lease_lost"
    assert scripter.finish(new)["status"] == "completed"


def test_a_run_whose_worker_died_is_an_error(scripter: Scripter) -> None:
    id_ = scripter.run()["id"]
    scripter.claim()
    scripter.let_lease_end(id_)

    lost.look(scripter.api.db)

    shown = scripter.shown(id_)
    assert (shown["status"], shown["error"]) == ("error", "worker lost")
    kinds = [told["kind"] for told in events("run.")]
    assert kinds == ["run.asked", "run.lost", "run.finished"]
    assert scripter.claim() == []


def test_a_worker_that_died_is_found_out_within_two_minutes(scripter: Scripter) -> None:
    scripter.run()
    asked = {"worker": "a", "lease_seconds": runs.MAX_LEASE + 1}
    assert scripter.tell("/v1/runs/claim", asked, 400)["code"] == "bad_body"

    (run,) = scripter.claim(lease_seconds=runs.MAX_LEASE)

    longest = datetime.now(UTC) + timedelta(seconds=120 - upkeep.LOOK_SECONDS)
    assert datetime.fromisoformat(run.lease_until) < longest


def test_a_run_whose_worker_died_waits_again_where_the_script_says_so(scripter: Scripter) -> None:
    scripter.put("/v1/scripts/prices", {"retries": 2})
    id_ = scripter.run()["id"]

    attempts = []
    for _ in range(3):
        attempts += [run.attempt for run in scripter.claim()]
        scripter.let_lease_end(id_)
        lost.look(scripter.api.db)

    assert attempts == [1, 2, 3]
    assert scripter.shown(id_)["status"] == "error"
    assert [told["again"] for told in events("run.lost")] == [True, True, False]


def test_a_script_that_fails_is_tried_again_after_a_pause(scripter: Scripter) -> None:
    scripter.put("/v1/scripts/prices", {"retries": 1})
    id_ = scripter.run()["id"]
    (run,) = scripter.claim()

    answer = scripter.finish(run, status="error", error="no such page", exit_code=1)

    shown = scripter.shown(id_)
    assert (answer["status"], shown["phase"], shown["error"]) == (
        "pending", "waiting", "no such page",
    )  # fmt: skip
    assert shown["due"] == answer["due"] > ago(seconds=0)
    assert scripter.claim() == []
    scripter.let_due(id_)
    assert [run.attempt for run in scripter.claim()] == [2]


def test_messages_that_the_queue_gave_up_are_counted_and_found(scripter: Scripter) -> None:
    over, waiting = scripter.done(), scripter.run()["id"]
    told = runs.DeadLetter(reason="no API", after_seconds=60)

    counts = [
        scripter.tell(f"/v1/runs/{id_}/dead-letters", told)["dead_letters"]
        for id_ in (over, waiting, waiting)
    ]

    assert counts == [1, 1, 2]
    shown = {each["id"]: each for each in scripter.get("/v1/runs?has=dead_letters")["items"]}
    assert [shown[id_]["dead_letters"] for id_ in (over, waiting)] == [1, 2]
    assert (shown[waiting]["error"], shown[over]["error"]) == ("no API", "")
    assert shown[waiting]["due"] > ago(seconds=0)
    assert scripter.claim() == []
    assert len(events("run.dead_letter")) == 3
    assert "postroom_api_dead_letters 2" in scripter.api.client.get("/metrics").text
    scripter.get("/v1/runs?has=output", 400)


def test_runs_that_wait_with_no_runner_are_told_of_once(scripter: Scripter) -> None:
    db, began = scripter.api.db, datetime.now(UTC)
    id_ = scripter.run()["id"]

    def look(minutes: float) -> None:
        attendance.look(db, began, datetime.now(UTC) + timedelta(minutes=minutes))

    look(4)
    assert events("runner.") == []
    look(6)
    look(7)
    assert [told["kind"] for told in events("runner.")] == ["runner.absent"]
    assert scripter.shown(id_)["phase"] == "waiting"
    scripter.claim()
    assert [told["kind"] for told in events("runner.")] == ["runner.absent", "runner.returned"]


@pytest.mark.sqlite_only
def test_asking_in_vain_writes_nothing(scripter: Scripter) -> None:
    scripter.claim()
    before = Fact.get(Fact.name == attendance.SEEN).changed, last_change(scripter)

    scripter.claim()

    assert (Fact.get(Fact.name == attendance.SEEN).changed, last_change(scripter)) == before


def last_change(scripter: Scripter) -> Any:
    return scripter.api.db.execute_sql("PRAGMA data_version").fetchone()
