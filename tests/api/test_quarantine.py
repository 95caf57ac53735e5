"""What is set aside is tried again by tasks, which a worker has for a time."""

from typing import Any

from api.models import Place, Quarantine, Task
from tests.api.caller import Caller, mail_bytes

CLAIM = {"kinds": ["parse"], "worker": "one"}


def set_aside(api: Caller, *uids: int) -> list[dict[str, Any]]:
    """Raw mails that the parser could not read; their items in quarantine, by UID."""
    raws = {uid: mail_bytes(uid) for uid in uids}
    mails = [
        api.delivery(uid, raw, outcome="quarantined", stage="parse", reason="no", mail=None)
        for uid, raw in raws.items()
    ]
    keep = {mail["sha256"]: raws[mail["key"]] for mail in mails}
    assert set(api.deliver(*mails, keep=keep)) == {"quarantined"}
    return sorted(api.get("/v1/quarantine")["items"], key=lambda item: item["key"])


def parsed(api: Caller, target: dict[str, Any]) -> dict[str, Any]:
    return api.delivery(target["key"], mail_bytes(target["key"]), parser=2)


def test_what_holds_its_bytes_is_parsed_again_and_all_else_fetched(api: Caller) -> None:
    api.hello()
    set_aside(api, 1)
    api.deliver(api.failure(2, "refused"))

    kinds = [api.post(f"/v1/quarantine/{id_}/retry", {}, 202)["kind"] for id_ in (1, 2)]

    assert kinds == ["parse", "fetch"]
    told = api.finish((1, 2))
    assert told["quarantined"] == told["refused"] == 1
    assert [task.kind for task in Task.select().where(Task.state == "leased")] == ["fetch"]


def test_asking_twice_before_it_begins_is_asking_once(api: Caller) -> None:
    api.hello()
    set_aside(api, 1, 2, 3)

    one = api.post("/v1/quarantine/1/retry", {}, 202)
    again = api.post("/v1/quarantine/1/retry", {}, 202)
    every = api.post("/v1/quarantine/retry", {}, 202)

    assert one == again
    assert every == {"tasks": 3, "superseded": 0}
    assert Task.select().count() == 3


def test_filters_select_what_is_listed_and_tried_again(api: Caller) -> None:
    api.hello()
    set_aside(api, 1, 2)
    api.deliver(api.failure(3, "too_big"))

    assert [each["key"] for each in api.get("/v1/quarantine?stage=size")["items"]] == [3]
    assert api.get("/v1/quarantine?mailbox=home")["items"] == []
    assert api.post("/v1/quarantine/retry?stage=parse", {}, 202)["tasks"] == 2
    assert api.get("/v1/quarantine?stage=no", 400)["code"] == "bad_stage"
    assert api.get("/v1/quarantine?box=no", 400)["code"] == "unknown_parameter"
    api.post("/v1/quarantine/99/retry", {}, 404)


def test_what_was_numbered_anew_is_not_fetched_by_its_old_number(api: Caller) -> None:
    api.hello()
    api.deliver(api.failure(1, "refused"))
    api.uidvalidity = 8
    api.push(1)

    refused = api.send("/v1/quarantine/1/retry", {})

    assert (refused.status_code, refused.json["code"]) == (409, "superseded")  # type: ignore[index]
    assert api.post("/v1/quarantine/retry", {}, 202) == {"tasks": 0, "superseded": 1}


def test_a_task_is_given_to_one_worker_at_a_time(api: Caller) -> None:
    api.hello()
    set_aside(api, 1)
    api.post("/v1/quarantine/1/retry", {}, 202)

    (given,) = api.post("/v1/tasks/claim", CLAIM)["tasks"]

    assert api.post("/v1/tasks/claim", {**CLAIM, "worker": "two"})["tasks"] == []
    assert api.post("/v1/tasks/claim", {**CLAIM, "kinds": ["fetch"]})["tasks"] == []
    assert api.send(f"/v1/tasks/{given['id']}/finish", {"worker": "two"}).status_code == 409
    done = api.post(f"/v1/tasks/{given['id']}/finish", {"worker": "one", "result": "stored"})
    assert (done["state"], done["result"]) == ("done", "stored")
    assert api.send(f"/v1/tasks/{given['id']}/finish", {"worker": "one"}).status_code == 409
    api.post("/v1/tasks/99/finish", {"worker": "one"}, 404)


def test_a_task_whose_workers_do_not_come_back_is_given_up(api: Caller) -> None:
    api.hello()
    (aside,) = set_aside(api, 1)
    api.post("/v1/quarantine/1/retry", {}, 202)

    given = []
    for _ in range(3):
        given.append(api.post("/v1/tasks/claim", {**CLAIM, "source": "work"})["tasks"])
        with api.db.writing():
            Task.update(lease_until="2000").execute()

    assert [len(tasks) for tasks in given] == [1, 1, 0]
    assert "did not come back" in Task.get().result
    assert Quarantine.get().attempts == aside["attempts"] + 1


def test_a_content_that_is_understood_leaves_quarantine_in_all_its_places(api: Caller) -> None:
    api.hello()
    raw = mail_bytes(1)
    aside = {"outcome": "quarantined", "stage": "parse", "mail": None}
    first, second = (api.delivery(uid, raw, **aside) for uid in (1, 2))
    api.deliver(first, second, keep={first["sha256"]: raw})
    api.post("/v1/quarantine/1/retry", {}, 202)
    (task,) = api.post("/v1/tasks/claim", CLAIM)["tasks"]

    assert api.deliver(parsed(api, task["target"])) == ["stored"]

    assert Quarantine.select().count() == 0
    assert {place.state for place in Place.select()} == {"stored"}


def test_defects_are_filtered_by_their_code(api: Caller) -> None:
    raws = {uid: mail_bytes(uid) for uid in (1, 2, 3)}
    defects = {1: ["bad_date"], 2: ["bad_date_", "too_deep"], 3: []}
    mails = [
        api.delivery(uid, raw, mail={"subject": str(uid), "defects": defects[uid]})
        for uid, raw in raws.items()
    ]
    api.hello()
    api.deliver(*mails)

    found = [each["subject"] for each in api.get("/v1/mails?defect=bad_date")["items"]]

    assert found == ["1"]
    assert len(api.get("/v1/mails?has=defect")["items"]) == 2
    assert api.get("/v1/mails?defect=%25", 400)["code"] == "bad_defect"


def test_asked_twice_for_thousands_each_has_one_task(api: Caller) -> None:
    count = 2_000
    api.hello()
    for start in range(1, count, 500):
        api.deliver(*(api.failure(uid, "refused") for uid in range(start, start + 500)))

    assert api.post("/v1/quarantine/retry", {}, 202)["tasks"] == count
    assert api.post("/v1/quarantine/retry", {}, 202)["tasks"] == count

    assert Task.select().count() == count
