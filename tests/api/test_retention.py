"""What is kept of runs: by number, by age, by size; the newest completed one always."""

from datetime import UTC, datetime, timedelta

import pytest

from api.models import Run, RunLog, Slot
from api.objects import damage
from api.objects.kept import RUNS
from api.running import retention
from postroom import runs
from tests.api.scripter import Scripter, ago


def clear(scripter: Scripter, days: float = 0.0) -> int:
    at = datetime.now(UTC) + timedelta(days=days)
    return retention.clear_up(scripter.api.db, scripter.api.files, at)


def left() -> list[int]:
    return [run.id for run in Run.select().order_by(Run.id)]


def test_all_is_kept_unless_the_script_says_otherwise(scripter: Scripter) -> None:
    scripter.script()
    scripter.done()

    assert clear(scripter, days=10_000) == 0


def test_the_newest_runs_are_kept_with_their_objects(scripter: Scripter) -> None:
    scripter.script(keep_runs=2)
    ids = [scripter.done(output=f"{number}") for number in range(4)]

    assert clear(scripter) == 2

    assert left() == ids[2:]
    keys = [f"runs/{id_}/1/output.txt" for id_ in ids]
    assert scripter.api.files.exists(keys) == set(keys[2:])


def test_the_newest_completed_run_stays_however_old_it_is(scripter: Scripter) -> None:
    scripter.script(keep_runs=1, keep_days=1)
    scripter.done()
    completed = scripter.done()
    scripter.done(status="error", error="no")
    waiting = scripter.run()["id"]

    clear(scripter, days=2)

    assert left() == [completed, waiting]


def test_what_is_older_than_so_many_days_goes(scripter: Scripter) -> None:
    scripter.script(keep_days=30)
    old = [scripter.done() for _ in range(2)]
    with scripter.api.db.writing():
        Run.update(ended=ago(days=31)).where(Run.id.in_(old)).execute()
    ids = [scripter.done() for _ in range(2)]

    assert clear(scripter) == 2

    assert left() == ids


def test_by_size_the_old_make_room_for_the_new(
    scripter: Scripter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MEGABYTE", 10)
    scripter.script(keep_megabytes=1)
    ids = [scripter.done(output="12345") for _ in range(4)]

    clear(scripter)

    assert left() == ids[2:]


def test_logs_go_with_their_runs_and_slots_stay(scripter: Scripter) -> None:
    scripter.script(keep_runs=1)
    scripter.planned("prices", minutes=1)
    scripter.slots(ago(seconds=1))
    (run,) = scripter.claim()
    scripter.log(run, "hello")
    scripter.finish(run)
    scripter.done()

    clear(scripter)

    assert RunLog.select().count() == 0
    assert [(slot.state, slot.run_id) for slot in Slot.select()] == [("run", None)]


def test_old_slots_are_forgotten(scripter: Scripter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLOTS", 2)
    scripter.script(missed="skip")
    scripter.planned("prices", hours=9)
    slots = [ago(hours=hours) for hours in (8, 7, 6, 5)]
    scripter.slots(*slots)

    clear(scripter)

    assert [slot.slot for slot in Slot.select().order_by(Slot.slot)] == slots[2:]
    assert scripter.slots(slots[0]) == ["missed"]
    assert Slot.select().count() == 2


def test_objects_that_no_run_names_are_collected(scripter: Scripter) -> None:
    scripter.script()
    id_ = scripter.done(output="kept")
    scripter.run()
    (run,) = scripter.claim()
    going_on = scripter.put_object(run, "output.txt", "not told yet").key
    stray = ["runs/99/1/output.txt", f"runs/{id_}/7/output.txt", "runs/x"]
    scripter.api.files.put_many([(key, b"x") for key in stray])

    deleted = damage.collect(scripter.api.db, scripter.api.files, 2**40, RUNS)

    assert deleted == len(stray)
    assert scripter.api.files.exists([going_on, f"runs/{id_}/1/output.txt", *stray]) == {
        going_on, f"runs/{id_}/1/output.txt",
    }  # fmt: skip


def test_a_file_that_is_gone_is_found_out_and_the_others_stay(
    scripter: Scripter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damage, "CHUNK", 2)
    scripter.script()
    ids = []
    # Of keys that are sorted as text, 10 comes before 2.
    for number in range(11):
        ids.append(scripter.run()["id"])
        (run,) = scripter.claim()
        files = [artefact(scripter, run, f"{name}.csv") for name in "abc"]
        scripter.finish(run, artefacts=files, output="o" if number % 2 else "")
    assert damage.compare(scripter.api.db, scripter.api.files, RUNS) == 0
    scripter.api.files.delete([f"runs/{ids[1]}/1/b.csv", f"runs/{ids[10]}/1/c.csv"])

    assert damage.compare(scripter.api.db, scripter.api.files, RUNS) == 2

    shown = [scripter.shown(id_)["artefacts"] for id_ in (ids[1], ids[2], ids[10])]
    assert [[each["lost"] for each in files] for files in shown] == [
        [False, True, False], [False] * 3, [False, False, True],
    ]  # fmt: skip
    gone = scripter.get(f"/v1/runs/{ids[1]}/artefacts/2", 404)
    assert gone["code"] == "object_missing"
    assert scripter.api.client.get(f"/v1/runs/{ids[1]}/artefacts/3").text == "c.csv"
    assert damage.compare(scripter.api.db, scripter.api.files, RUNS) == 0
    assert damage.collect(scripter.api.db, scripter.api.files, 2**40, RUNS) == 0


def artefact(scripter: Scripter, run: runs.ClaimedRun, name: str) -> runs.Artefact:
    told = scripter.put_object(run, name, name)
    return runs.Artefact(name=name, key=told.key, size=told.size, sha256=told.sha256)


def test_an_output_that_is_gone_is_found_out(scripter: Scripter) -> None:
    scripter.script()
    id_ = scripter.done(output="12 EUR")
    scripter.api.files.delete([f"runs/{id_}/1/output.txt"])
    assert scripter.get(f"/v1/runs/{id_}/output", 404)["code"] == "object_missing"

    assert damage.compare(scripter.api.db, scripter.api.files, RUNS) == 1

    assert scripter.get(f"/v1/runs/{id_}/output", 404)["code"] == "no_output"
