"""Receipts are counted by the API over what the server listed."""

from api.database import bulk
from api.models import Place
from postroom import wire
from tests.api.caller import Caller


def test_a_receipt_adds_up(api: Caller) -> None:
    api.hello()
    api.push(1, 2)
    api.deliver(api.failure(3, "refused"), api.failure(4, "too_big"), api.failure(5, "gone"))

    receipt = api.finish((1, 6))

    assert receipt == {
        "listed": 5,
        "stored": 2,
        "quarantined": 0,
        "refused": 1,
        "too_big": 1,
        "missing": 1,
        "gone": 1,
    }


def test_missing_keys_are_named(api: Caller) -> None:
    api.hello()
    api.push(1)
    api.finish((1, 3))

    (receipt,) = api.get("/v1/mailboxes/work/receipts")["items"]

    assert receipt["missing_keys"] == [2, 3]


def test_a_pass_in_two_windows_has_one_receipt(api: Caller) -> None:
    api.hello()
    api.push(1, 20)
    windows = [
        wire.Window(low=11, high=20, ranges=[(20, 20)]),
        wire.Window(low=1, high=10, ranges=[(1, 1)]),
    ]

    answers = [
        api.post(
            "/v1/mailboxes/work/passes",
            wire.Pass(
                **api.place(),
                window=wire.PassWindow(pass_id="b" * 32, index=i, last=i == 1, window=window),
            ),
        )
        for i, window in enumerate(windows)
    ]

    assert "receipt" not in answers[0]
    assert answers[1]["receipt"]["stored"] == 2


def test_a_window_that_never_came_leaves_no_receipt(api: Caller) -> None:
    api.hello()
    told = wire.PassWindow(
        pass_id="b" * 32, index=1, last=True, window=wire.Window(low=1, high=9, ranges=[(1, 1)])
    )

    answer = api.post("/v1/mailboxes/work/passes", wire.Pass(**api.place(), window=told))

    assert "receipt" not in answer
    assert api.get("/v1/mailboxes/work/receipts")["items"] == []


def test_a_waiting_source_gets_its_tasks_once(api: Caller) -> None:
    api.hello()
    api.post("/v1/mailboxes/work/sync", {}, 202)
    sign = wire.Pass(**api.place())

    first = api.post("/v1/mailboxes/work/passes", sign)
    second = api.post("/v1/mailboxes/work/passes", sign)
    done = wire.Pass(**api.place(), done=[(first["tasks"][0]["id"], "looked")])
    api.post("/v1/mailboxes/work/passes", done)

    assert [task["kind"] for task in first["tasks"]] == ["sync"]
    assert "tasks" not in second
    (task,) = api.get("/v1/tasks")["items"]
    assert (task["state"], task["result"]) == ("done", "looked")


def test_a_source_that_fails_says_why(api: Caller) -> None:
    api.hello()

    api.post("/v1/mailboxes/work/passes", wire.Pass(**api.place(), error="password refused"))

    assert api.get("/v1/mailboxes/work")["error"] == "password refused"


def test_a_mail_that_went_does_not_end_the_skipping_of_listings(api: Caller) -> None:
    api.hello()
    api.push(1)
    api.deliver(api.failure(2, "gone"), api.failure(3, "refused"))
    status = wire.Status(uidnext=4, exists=1)
    told = wire.PassWindow(
        pass_id="e" * 32,
        index=0,
        last=True,
        window=wire.Window(low=1, high=9, ranges=[(1, 1)]),
        status=status,
    )

    api.post("/v1/mailboxes/work/passes", wire.Pass(**api.place(), window=told))

    probe = api.ask_offer(wire.Offer(**api.place(), status=status))
    assert (probe.unchanged, probe.due) == (True, None)
    assert api.get("/v1/quarantine")["items"] == []


def test_very_many_failures_that_are_listed_no_more_are_forgotten(api: Caller) -> None:
    api.hello()
    api.deliver(api.failure(1, "refused"))
    row = Place.select().dicts().get()
    with api.db.writing():
        rows = [{**row, "id": uid, "key": f"{uid:010d}"} for uid in range(2, 40_001)]
        bulk.insert(Place, rows)

    api.finish((50_000, 50_000))

    assert Place.select().where(Place.state != "gone").count() == 0
