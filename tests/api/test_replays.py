"""Replays: a script over all that is stored, by batches that any runner goes on with, compared."""

import hashlib
import json
from typing import Any

import msgspec
import pytest

from api.models import Mail, Replay, ReplayItem, Task
from api.replaying import choosing, comparing
from api.running import retention
from postroom import runs
from tests.api.scripter import Scripter, ago, events
from tests.api.watcher import Watcher


@pytest.fixture(autouse=True)
def _stored(scripter: Scripter) -> None:
    scripter.api.hello()
    scripter.mail(1, 2, 3)
    scripter.script()


def begin(scripter: Scripter, **told: Any) -> int:
    id_: int = scripter.post("/v1/scripts/prices/replay", told or {"mails": {}}, 201)["id"]
    return id_


def claim(scripter: Scripter, id_: int, worker: str = "a", most: int = 100) -> runs.ReplayBatch:
    answer = scripter.tell(f"/v1/replays/{id_}/claim", runs.ClaimBatch(worker=worker, most=most))
    return msgspec.convert(answer, runs.ReplayBatch)


def tell(scripter: Scripter, id_: int, batch: runs.ReplayBatch, outputs: dict[int, str],
         status: int = 200) -> Any:  # fmt: skip
    """Tell outputs by item; "!" before a text makes it an error."""
    items = [
        runs.ItemResult(id=item, status="error", error=text[1:])
        if text.startswith("!")
        else runs.ItemResult(id=item, status="completed", output=text,
                             sha256=hashlib.sha256(text.encode()).hexdigest())
        for item, text in outputs.items()
    ]  # fmt: skip
    told = runs.TellItems(claim=batch.claim or "none", items=items)
    return scripter.tell(f"/v1/replays/{id_}/items", told, status)


def replay(scripter: Scripter, outputs: dict[int, str], **told: Any) -> Any:
    """A whole replay; how it is shown at its end."""
    id_ = begin(scripter, **told)
    tell(scripter, id_, claim(scripter, id_), outputs)
    return scripter.get(f"/v1/replays/{id_}")


def lines(scripter: Scripter, id_: int) -> dict[int, dict[str, Any]]:
    response = scripter.api.client.get(f"/v1/replays/{id_}/result.jsonl")
    assert response.status_code == 200
    found = [json.loads(line) for line in response.text.splitlines()]
    return {line["id"]: line for line in found}


def test_a_replay_goes_over_all_that_its_filter_selects(scripter: Scripter) -> None:
    id_ = begin(scripter, mails={"q": "hello -subject:2"}, arguments={"a": 1})
    scripter.mail(4)

    batch = claim(scripter, id_)

    assert (batch.items, batch.of, batch.script) == ([1, 3], "mails", "prices")
    assert (batch.version, batch.arguments) == (1, {"a": 1})
    shown = scripter.get(f"/v1/replays/{id_}")
    assert (shown["state"], shown["total"], shown["left"]) == ("running", 2, 2)
    assert scripter.get("/v1/replays?state=running&script=prices")["items"][0]["id"] == id_


def test_it_goes_on_where_a_runner_left_it(scripter: Scripter) -> None:
    id_ = begin(scripter)
    first = claim(scripter, id_, most=2)
    told = tell(scripter, id_, first, {1: "one"})
    assert (told["done"], told["total"], told["stop"]) == (1, 3, False)
    assert claim(scripter, id_, "b").items == []
    with scripter.api.db.writing():
        Task.update(lease_until=ago(seconds=1)).execute()

    second = claim(scripter, id_, "b")

    assert second.items == [2, 3]
    assert tell(scripter, id_, first, {2: "late"}, 409)["code"] == "lease_lost"
    assert tell(scripter, id_, second, {2: "two", 3: "three"})["stop"] is True
    assert {id_: line["output"] for id_, line in lines(scripter, id_).items()} == {
        1: "one", 2: "two", 3: "three",
    }  # fmt: skip


def test_a_result_that_is_told_twice_counts_once(scripter: Scripter) -> None:
    id_ = begin(scripter)
    batch = claim(scripter, id_)
    tell(scripter, id_, batch, {1: "one", 99: "foreign"})
    tell(scripter, id_, batch, {1: "other"})

    shown = scripter.get(f"/v1/replays/{id_}")
    assert (shown["completed"], shown["left"]) == (1, 2)
    assert lines(scripter, id_)[1]["output"] == "one"


def test_the_first_replay_adds_all_that_came_out(scripter: Scripter) -> None:
    shown = replay(scripter, {1: "one", 2: "", 3: "!no such field"})

    assert (shown["state"], shown["completed"], shown["failed"]) == ("completed", 2, 1)
    assert shown["differences"] == {"added": 1, "gone": 0, "changed": 0, "same": 2}
    assert lines(scripter, shown["id"])[3]["error"] == "no such field"
    (told,) = events("replay.finished")
    assert (told["kind"], told["failed"], told["added"]) == ("replay.finished", 1, 1)


def test_a_replay_tells_what_differs_from_the_one_before(scripter: Scripter) -> None:
    scripter.mail(4, 5)
    before = replay(scripter, {1: "one", 2: "two", 3: "three", 4: "", 5: "five"})
    told = {1: "one", 2: "zwei", 3: "!broke", 4: "four"}

    after = replay(scripter, told, mails={"q": "-subject:5 mailbox:work"})

    assert after["previous"] == before["id"]
    assert after["differences"] == {"added": 1, "gone": 2, "changed": 1, "same": 1}
    found = lines(scripter, after["id"])
    assert {id_: line["was"] for id_, line in found.items()} == {
        1: "same", 2: "changed", 3: "gone", 4: "added", 5: "gone",
    }  # fmt: skip
    assert (found[5]["status"], after["total"]) == ("absent", 4)


def test_items_are_chosen_and_compared_part_by_part(
    scripter: Scripter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "PART", 2)
    monkeypatch.setattr(comparing, "PART", 2)
    scripter.mail(4, 5)
    for more in ("", "!"):
        id_, given = begin(scripter), []
        assert ReplayItem.select().where(ReplayItem.replay == id_).count() == 0
        while (batch := claim(scripter, id_)).items:
            given.append(batch.items)
            tell(scripter, id_, batch, {item: f"{more}{item}" for item in batch.items})
        assert given == [[1, 2], [3, 4], [5]]

    shown = scripter.get(f"/v1/replays/{id_}")
    assert (shown["state"], shown["total"], shown["left"]) == ("completed", 5, 0)
    assert shown["differences"] == {"added": 0, "gone": 5, "changed": 0, "same": 0}


def test_what_was_deleted_before_its_turn_is_not_waited_for(
    scripter: Scripter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "PART", 2)
    id_ = begin(scripter)
    batch = claim(scripter, id_)
    with scripter.api.db.writing():
        Mail.update(has_raw=False).where(Mail.id == 3).execute()
    tell(scripter, id_, batch, {1: "one", 2: "two"})

    assert claim(scripter, id_).items == []

    shown = scripter.get(f"/v1/replays/{id_}")
    assert (shown["state"], shown["total"], shown["completed"]) == ("completed", 2, 2)


def test_a_replay_that_was_killed_at_its_end_is_ended_by_the_next_claim(
    scripter: Scripter, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = begin(scripter)
    batch = claim(scripter, id_)
    with monkeypatch.context() as killed:
        killed.setattr(comparing, "complete", lambda *_: None)
        tell(scripter, id_, batch, {1: "one", 2: "two", 3: "three"})
    assert scripter.get(f"/v1/replays/{id_}")["state"] == "running"

    assert claim(scripter, id_).items == []

    assert scripter.get(f"/v1/replays/{id_}")["differences"]["added"] == 3


def test_files_are_replayed_as_mails_are(scripter: Scripter, watcher: Watcher) -> None:
    watcher.tell(watcher.stored("a.csv"), watcher.stored("b.csv"), watcher.failed("c.csv"))
    id_ = begin(scripter, files={"page": "prices", "q": "b.csv"})

    batch = claim(scripter, id_)

    assert (batch.of, batch.items) == ("files", [2])


def test_a_replay_of_nothing_is_over_at_once(scripter: Scripter) -> None:
    told = scripter.post("/v1/scripts/prices/replay", {"mails": {"q": "nowhere"}}, 201)

    assert (told["state"], told["total"]) == ("completed", 0)
    assert lines(scripter, told["id"]) == {}


def test_a_replay_that_is_stopped_gives_out_no_more(scripter: Scripter) -> None:
    id_ = begin(scripter)
    batch = claim(scripter, id_)

    shown = scripter.post(f"/v1/replays/{id_}/stop", {})

    assert (shown["state"], shown["differences"]) == ("stopped", None)
    assert claim(scripter, id_).items == []
    tell(scripter, id_, batch, {1: "one"}, 409)
    assert replay(scripter, {1: "a", 2: "b", 3: "c"})["previous"] is None


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({}, "bad_body"),
        ({"mails": {}, "files": {}}, "bad_body"),
        ({"mails": {"page": "prices"}}, "unknown_parameter"),
        ({"mails": {"q": "("}}, "bad_query"),
        ({"files": {"state": "lost"}}, "bad_state"),
    ],
)
def test_a_wrong_filter_begins_nothing(scripter: Scripter, told: dict[str, Any], code: str) -> None:
    assert scripter.post("/v1/scripts/prices/replay", told, 400)["code"] == code
    assert Replay.select().count() == Task.select().count() == 0


def test_only_the_last_replays_are_kept(scripter: Scripter) -> None:
    ids = [replay(scripter, {1: "a", 2: "b", 3: "c"})["id"] for _ in range(7)]

    retention.clear_up(scripter.api.db, scripter.api.files)

    assert [row.id for row in Replay.select().order_by(Replay.id)] == ids[2:]
    assert ReplayItem.select().count() == 15
