"""Runs: asked for once, leased to one runner at a time, never pending for ever."""

import pytest

from api.models import Run, Task
from api.running import runlog
from postroom import runs
from tests.api.scripter import Scripter, events
from tests.api.watcher import Watcher

NAME = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def _script(scripter: Scripter) -> None:
    scripter.script(arguments={"city": "Riga"}, secrets=["KEY"])


def test_a_run_is_given_out_with_all_that_it_needs(scripter: Scripter) -> None:
    id_ = scripter.run(arguments={"days": 3})["id"]

    (run,) = scripter.claim()

    assert (run.run, run.script, run.version, run.attempt) == (id_, "prices", 1, 1)
    assert run.arguments == {"city": "Riga", "days": 3}
    assert run.trigger == {"kind": "hand"}
    assert run.secrets == ["KEY"]
    assert (run.since, run.api_token, run.mail) == ("", "", None)
    assert "output('hello')" in run.source
    assert scripter.claim("b") == []


def test_a_run_goes_from_waiting_to_its_end(scripter: Scripter) -> None:
    id_ = scripter.run()["id"]
    phases = [scripter.shown(id_)["phase"]]
    (run,) = scripter.claim()
    phases.append(scripter.shown(id_)["phase"])
    assert scripter.renew(run)["stop"] is False
    told = scripter.finish(run, output="12 EUR")
    assert told == {"run": id_, "status": "completed", "due": None, "runs": []}

    shown = scripter.shown(id_)
    assert phases == ["waiting", "running"]
    assert (shown["status"], shown["phase"], shown["exit_code"]) == ("completed", None, 0)
    assert (shown["isolation"], shown["worker"], shown["attempt"]) == ("none", "a", 1)
    assert shown["duration"] >= 0
    assert shown["output"]["size"] == 6
    (told,) = events("run.finished")
    assert (told["kind"], told["source"], told["run"]) == ("run.finished", "prices", id_)


def test_a_run_that_is_given_back_is_as_it_was(scripter: Scripter) -> None:
    id_ = scripter.run()["id"]
    (run,) = scripter.claim()
    scripter.log(run, "half of it")
    told = runs.GiveBackRun(claim=run.claim, reason="the disk is full")

    answer = scripter.tell(f"/v1/runs/{id_}/return", told)

    assert answer["status"] == "pending"
    scripter.tell(f"/v1/runs/{id_}/return", told, 409)
    shown = scripter.shown(id_)
    assert (shown["phase"], shown["attempt"], shown["started"]) == ("waiting", 0, None)
    assert shown["error"] == "the disk is full"
    (again,) = scripter.claim("b")
    assert again.attempt == 1
    scripter.log(again, "all of it")
    assert scripter.get(f"/v1/runs/{id_}/log")["text"] == "all of it"


def test_a_run_that_is_to_be_stopped_is_not_given_back(scripter: Scripter) -> None:
    id_ = scripter.run()["id"]
    (run,) = scripter.claim()
    scripter.post(f"/v1/runs/{id_}/stop", {})

    scripter.tell(f"/v1/runs/{id_}/return", runs.GiveBackRun(claim=run.claim))

    assert scripter.shown(id_)["status"] == "error"


def test_the_end_of_a_run_may_bring_the_rest_of_its_log(scripter: Scripter) -> None:
    id_ = scripter.run()["id"]
    (run,) = scripter.claim()
    scripter.log(run, "one\n")
    rest = runs.LastPiece(stream="out", offset=2, text="e\ntwo\n")
    told = runs.FinishRun(claim=run.claim, status="completed", isolation="none", log=[rest])

    scripter.tell(f"/v1/runs/{id_}/finish", told)

    assert scripter.get(f"/v1/runs/{id_}/log")["text"] == "one\ntwo\n"
    assert scripter.shown(id_)["log"] == {"out": 8, "err": 0}


def test_who_asks_again_under_the_same_name_is_given_the_same(scripter: Scripter) -> None:
    scripter.put("/v1/scripts/prices", {"overlap": "allow", "network": True})
    ids = [scripter.run()["id"] for _ in range(2)]
    (lost,) = scripter.claim(claim=NAME)

    (again,) = scripter.claim(claim=NAME)
    (stranger,) = scripter.claim("b", claim=NAME)

    assert (again.run, again.claim, again.attempt, stranger.run) == (ids[0], NAME, 1, ids[1])
    for run, status in ((lost, 401), (again, 200)):
        token = {"Authorization": f"Bearer {run.api_token}", "Forwarded": "for=script"}
        scripter.api.get("/v1/mails", status, **token)
    assert scripter.finish(again)["status"] == "completed"
    assert scripter.claim(claim=NAME) == []


def test_the_end_of_a_run_brings_the_next_one(scripter: Scripter) -> None:
    first, second = (scripter.run()["id"] for _ in range(2))
    (run,) = scripter.claim()
    wish = runs.ClaimRuns(worker="a", claim=NAME)

    answer = scripter.finish(run, next=wish)

    (given,) = answer["runs"]
    assert (run.run, given["run"], given["claim"]) == (first, second, NAME)
    assert given["since"] != ""
    assert scripter.shown(second)["phase"] == "running"
    # As if that answer had been lost: the end is told again, then the next is asked for.
    assert scripter.finish(run, 409, next=wish)["code"] == "lease_lost"
    assert [each.run for each in scripter.claim(claim=NAME)] == [second]


def test_the_next_run_knows_when_the_last_completed_one_began(scripter: Scripter) -> None:
    first = scripter.done()
    scripter.done(status="error", error="no")
    scripter.run()

    (run,) = scripter.claim()

    assert run.since == scripter.shown(first)["started"]


def test_the_same_key_is_the_same_run(scripter: Scripter) -> None:
    first = scripter.run(key="one", arguments={"a": 1})
    again = scripter.run(key="one", status=200, arguments={"a": 1})
    other = scripter.run(key="one", status=409, arguments={"a": 2})

    assert again["id"] == first["id"]
    assert other["code"] == "key_reused"
    assert Run.select().count() == Task.select().count() == 1


def test_of_a_script_that_must_not_overlap_one_runs_at_a_time(scripter: Scripter) -> None:
    scripter.script("many", overlap="allow")
    first, second = (scripter.run()["id"] for _ in range(2))
    many = [scripter.run("many")["id"] for _ in range(3)]

    given = scripter.claim(most=10)
    assert [run.run for run in given] == [first, *many]
    assert scripter.claim(run=second) == []
    scripter.finish(given[0])
    assert [run.run for run in scripter.claim(run=second)] == [second]


def test_a_log_is_read_while_it_grows(scripter: Scripter) -> None:
    id_ = scripter.run()["id"]
    (run,) = scripter.claim()
    assert scripter.log(run, "é one\n")["offset"] == 7
    first = scripter.get(f"/v1/runs/{id_}/log")
    scripter.log(run, "é one\ntwo\n")
    scripter.log(run, "careful", stream="err")

    rest = scripter.get(f"/v1/runs/{id_}/log?offset={first['next']}")
    scripter.finish(run)

    assert (first["text"], first["ended"]) == ("é one\n", False)
    assert (rest["text"], rest["next"]) == ("two\n", 11)
    assert scripter.get(f"/v1/runs/{id_}/log?stream=err")["text"] == "careful"
    assert scripter.get(f"/v1/runs/{id_}/log?offset=11")["ended"] is True
    assert scripter.shown(id_)["log"] == {"out": 11, "err": 7}


def test_a_log_with_a_hole_is_refused(scripter: Scripter) -> None:
    scripter.run()
    (run,) = scripter.claim()

    assert scripter.log(run, "x", offset=5, status=409)["code"] == "bad_offset"


def test_of_a_long_log_the_beginning_is_kept_and_the_cut_is_told(
    scripter: Scripter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runlog, "MOST", 10)
    id_ = scripter.run()["id"]
    (run,) = scripter.claim()

    assert scripter.log(run, "0123456789")["offset"] == 10
    assert scripter.get(f"/v1/runs/{id_}/log")["truncated"] is False
    assert scripter.log(run, "abc", offset=10)["offset"] == 13
    told = scripter.get(f"/v1/runs/{id_}/log")

    assert (told["text"], told["truncated"]) == ("0123456789", True)
    assert scripter.shown(id_)["log"]["out"] == 13


def test_a_long_piece_is_cut_at_a_whole_character(
    scripter: Scripter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runlog, "MOST", 4)
    id_ = scripter.run()["id"]
    (run,) = scripter.claim()
    scripter.log(run, "abcéd")

    told = scripter.get(f"/v1/runs/{id_}/log")
    assert (told["text"], told["truncated"]) == ("abc", True)


def test_output_and_artefacts_are_downloaded(scripter: Scripter) -> None:
    id_ = scripter.run()["id"]
    (run,) = scripter.claim()
    told = scripter.put_object(run, "a.csv", "1,2")
    table = runs.Artefact(name='a"\r\n.csv', type="text/csv", key=told.key, size=3,
                          sha256=told.sha256)  # fmt: skip
    scripter.finish(run, output="12 EUR", artefacts=[table])

    whole = scripter.api.client.get(f"/v1/runs/{id_}/output")
    part = scripter.api.client.get(f"/v1/runs/{id_}/output", headers={"Range": "bytes=0-1"})
    other = scripter.api.client.get(f"/v1/runs/{id_}/artefacts/1")

    assert (whole.text, part.text, part.status_code, other.text) == ("12 EUR", "12", 206, "1,2")
    assert other.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%22%0D%0A.csv"
    assert other.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    scripter.get(f"/v1/runs/{id_}/artefacts/2", 404)


def test_a_run_without_output_says_so(scripter: Scripter) -> None:
    id_ = scripter.run()["id"]

    assert scripter.get(f"/v1/runs/{id_}/output", 404)["code"] == "no_output"


def test_objects_of_another_run_or_store_are_refused(scripter: Scripter) -> None:
    scripter.run()
    (run,) = scripter.claim()
    foreign = runs.Object(key="runs/99/1/output.txt", size=1, sha256="0" * 64)

    assert scripter.finish(run, 409, storage="other")["code"] == "storage_mismatch"
    told = runs.FinishRun(claim=run.claim, status="completed", isolation="none", output=foreign)
    assert scripter.tell(f"/v1/runs/{run.run}/finish", told, 400)["code"] == "bad_body"


def test_a_waiting_run_is_stopped_at_once_and_a_running_one_by_its_runner(
    scripter: Scripter,
) -> None:
    scripter.put("/v1/scripts/prices", {"retries": 5})
    running, waiting = (scripter.run()["id"] for _ in range(2))
    (run,) = scripter.claim()

    assert scripter.post(f"/v1/runs/{waiting}/stop", {})["status"] == "error"
    assert scripter.post(f"/v1/runs/{running}/stop", {})["phase"] == "running"
    assert scripter.renew(run)["stop"] is True
    assert scripter.finish(run, status="error", error="stopped")["status"] == "error"


def test_a_run_that_is_over_is_run_again_as_a_new_one(scripter: Scripter) -> None:
    id_ = scripter.run(arguments={"days": 3})["id"]
    assert scripter.post(f"/v1/runs/{id_}/retry", {}, 409)["code"] == "not_over"
    (run,) = scripter.claim()
    scripter.finish(run, status="error", error="no")
    scripter.put("/v1/scripts/prices/source", {"source": "print(2)"})

    new = scripter.post(f"/v1/runs/{id_}/retry", {}, 201)

    assert new["trigger"] == {"kind": "retry", "of": id_, "was": {"kind": "hand"}}
    assert (new["arguments"]["days"], new["version"]) == (3, 2)
    assert scripter.shown(id_)["status"] == "error"


def test_runs_are_filtered_and_paged(scripter: Scripter) -> None:
    scripter.script("other")
    first, second = scripter.done(), scripter.done(status="error", error="no")
    Watcher(scripter.api).links("a.pdf")
    third = scripter.run("other", file=1)["id"]

    def listed(query: str) -> list[int]:
        return [item["id"] for item in scripter.get(f"/v1/runs?{query}")["items"]]

    assert listed("") == [third, second, first]
    assert listed("script=prices&status=error") == [second]
    assert listed("trigger=clock") == listed("script=none") == []
    assert listed("file=1") == [third]
    assert listed("file=999999999") == []
    assert listed("since=2000-01-01") == [third, second, first]
    assert listed("since=2100-01-01") == []
    page = scripter.get("/v1/runs?limit=2")
    assert listed(f"limit=2&cursor={page['next_cursor']}") == [first]
    for query in ("status=lost", "trigger=moon", "since=soon", "file=-1", "file=1234567890"):
        scripter.get(f"/v1/runs?{query}", 400)


def test_running_needs_a_token_even_on_this_machine(scripter: Scripter) -> None:
    scripter.run()
    api = scripter.api

    assert api.post("/v1/runs/claim", {"worker": "a"}, 401)["code"] == "unauthorized"
    assert api.post("/v1/scripts/prices/run", {}, 401)["code"] == "unauthorized"
    assert scripter.tell("/v1/scripts/prices/run", {}, 403)["code"] == "forbidden"
    claimed = api.post("/v1/tasks/claim", {"kinds": ["run"], "worker": "a"})
    assert claimed["tasks"] == []


def test_a_script_with_network_reads_the_api_as_long_as_it_runs(scripter: Scripter) -> None:
    scripter.put("/v1/scripts/prices", {"network": True})
    scripter.run()
    (run,) = scripter.claim()
    token = {"Authorization": f"Bearer {run.api_token}", "Forwarded": "for=script"}

    assert token["Authorization"].startswith("Bearer pr_run_")
    assert run.api_token not in repr(run)
    scripter.api.get("/v1/mails", 200, **token)
    assert scripter.api.post("/api", [], 401, **token)["code"] == "unauthorized"
    assert scripter.api.post("/v1/runs/claim", {"worker": "b"}, 401, **token)
    scripter.finish(run)
    scripter.api.get("/v1/mails", 401, **token)
