"""Mail comes in whole, once, or not at all."""

import hashlib
from typing import Any

import pytest

from api.mails import contents, rows
from api.models import Event, Mail, Place, Quarantine
from api.search.fold import fold
from tests.api.caller import Caller, mail_bytes


def sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def test_same_mail_twice_is_stored_once(api: Caller) -> None:
    api.hello()

    assert api.push(1) == ["stored"]
    assert api.push(1) == ["duplicate"]
    assert Mail.select().count() == 1
    assert Place.select().count() == 1


def test_one_content_in_two_places_is_listed_with_both(api: Caller) -> None:
    api.hello()
    raw = mail_bytes(1)
    api.deliver(api.delivery(1, raw), api.delivery(2, raw))

    (mail,) = api.get("/v1/mails")["items"]
    places = api.get(f"/v1/mails/{mail['id']}")["places"]

    assert [place["key"] for place in places] == [1, 2]


def test_other_bytes_in_a_held_place_are_kept_beside_and_told(api: Caller) -> None:
    api.hello()
    api.deliver(api.delivery(1, mail_bytes(1)))
    api.deliver(api.delivery(1, mail_bytes(1, "changed")))

    versions = [place.version for place in Place.select().order_by(Place.version)]
    told = Event.select().where(Event.kind == "place.conflict").count()

    assert versions == [0, 1]
    assert told == 1
    assert Mail.select().count() == 2


def test_equal_message_ids_are_no_identity(api: Caller) -> None:
    api.hello()
    raws = [mail_bytes(1, body) for body in ("a", "b", "c")]

    api.deliver(*(api.delivery(uid, raw) for uid, raw in enumerate(raws, 1)))

    assert Mail.select().count() == 3


def test_a_nul_in_one_mail_of_a_batch_is_replaced(api: Caller) -> None:
    api.hello()
    bad = api.delivery(2, mail_bytes(2))
    bad["mail"] = {"subject": "nul \0 here", "text": "a\0b"}

    statuses = api.deliver(api.delivery(1, mail_bytes(1)), bad, api.delivery(3, mail_bytes(3)))

    assert statuses == ["stored"] * 3
    found = Mail.get(Mail.sha256 == sha(mail_bytes(2)))
    assert found.text == "a\N{REPLACEMENT CHARACTER}b"


def test_a_mail_that_no_table_takes_is_quarantined_alone(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.hello()
    whole = rows.mail_row

    def failing(one: Any, time: str) -> Any:
        if one.key == 2 and not one.outcome:
            raise ValueError("this one breaks")
        return whole(one, time)

    monkeypatch.setattr(contents, "mail_row", failing)
    statuses = api.deliver(*(api.delivery(uid, mail_bytes(uid)) for uid in (1, 2, 3)))

    assert statuses == ["stored", "quarantined", "stored"]
    (item,) = api.get("/v1/quarantine")["items"]
    assert (item["key"], item["stage"]) == (2, "store")
    assert "this one breaks" in item["reason"]


def test_a_quarantined_mail_is_listed_and_keeps_its_bytes(api: Caller) -> None:
    api.hello()
    raw = mail_bytes(1)
    api.storage.put_many([(sha(raw), raw)])

    api.deliver(api.delivery(1, raw, outcome="quarantined", stage="parse", reason="no", mail=None))

    (mail,) = api.get("/v1/mails")["items"]
    assert mail["state"] == "quarantined"
    assert api.client.get(f"/v1/mails/{mail['id']}/raw").data == raw
    assert api.offer((1, 1)).wanted == []
    assert api.finish((1, 1))["quarantined"] == 1


def test_a_quarantined_mail_that_is_understood_at_last_is_one_mail(api: Caller) -> None:
    api.hello()
    raw = mail_bytes(1)
    api.deliver(api.delivery(1, raw, outcome="quarantined", stage="parse", mail=None))

    statuses = api.deliver(api.delivery(1, raw))

    (mail,) = api.get("/v1/mails?q=mail")["items"]
    assert statuses == ["stored"]
    assert (mail["state"], mail["subject"]) == ("parsed", "mail 1")
    assert api.get("/v1/quarantine")["items"] == []
    assert api.finish((1, 1))["stored"] == 1


def test_failures_are_counted_and_told_with_their_reason(api: Caller) -> None:
    api.hello()

    api.deliver(api.failure(1, "refused", "the server gave nothing"), api.failure(2, "too_big"))
    api.deliver(api.failure(1, "refused", "the server gave nothing"))

    found = {item["key"]: item for item in api.get("/v1/quarantine")["items"]}
    assert found[1]["attempts"] == 2
    assert found[1]["stage"] == "fetch"
    assert found[2]["stage"] == "size"


def test_a_mail_that_arrives_after_all_leaves_the_quarantine(api: Caller) -> None:
    api.hello()
    api.deliver(api.failure(1, "refused"))

    api.push(1)

    assert Quarantine.select().count() == 0
    assert api.finish((1, 1))["stored"] == 1


def test_a_failure_does_not_undo_what_is_stored(api: Caller) -> None:
    api.hello()
    api.push(1)

    api.deliver(api.failure(1, "refused"))

    assert Place.get().state == "stored"


def test_the_seed_posts_plain_dicts(api: Caller) -> None:
    mails = [
        {"subject": "Привет", "from": "ann@example.org", "to": ["bob@example.org"], "text": "t"},
        {"subject": 5},
    ]

    response = api.client.post("/api", json=mails)

    first, second = response.get_json()["items"]
    assert first["status"] == "stored"
    assert second["status"] == "refused"
    assert "subject" in second["reason"]
    assert api.get(f"/v1/mails/{first['id']}/raw", 404)["code"] == "no_raw"


def test_plain_dicts_with_raw_bytes_give_them_back(api: Caller) -> None:
    response = api.client.post(
        "/api", json=[{"subject": "x", "raw": "U3ViamVjdDogeA0KDQp4", "mailbox": "m", "uid": 5}]
    )
    (item,) = response.get_json()["items"]

    raw = api.client.get(f"/v1/mails/{item['id']}/raw")

    assert raw.data == b"Subject: x\r\n\r\nx"
    assert api.get("/api?mailbox=m")["UID"] == 5


def test_bytes_under_the_hash_or_size_of_others_are_refused(api: Caller) -> None:
    api.hello()
    raw = mail_bytes(1)
    told = api.delivery(1, raw) | {"raw": raw}

    wrong = [{**told, "raw": b"other"}, {**told, "size": 1}, {**told, "sha256": "", "size": 0}]

    assert api.deliver(*wrong) == ["refused"] * 3
    assert api.deliver(api.failure(2, "gone") | {"raw": raw}, told) == ["refused", "stored"]
    assert api.client.get("/v1/mails/1/raw").data == raw


def test_the_same_dict_twice_is_a_duplicate(api: Caller) -> None:
    mail = {"subject": "x", "text": "y"}
    api.client.post("/api", json=[mail])

    response = api.client.post("/api", json=[{**mail, "mailbox": "elsewhere", "uid": 9}])

    assert response.get_json()["items"][0]["status"] == "duplicate"


def test_dates_with_an_offset_are_kept_in_utc(api: Caller) -> None:
    api.client.post("/api", json=[{"subject": "x", "date": "2026-01-01T12:00:00+02:00"}])

    (mail,) = api.get("/v1/mails")["items"]

    assert mail["date"] == "2026-01-01T10:00:00.000Z"


def test_a_plain_dict_may_name_stored_bytes_by_their_hash(api: Caller) -> None:
    raw = mail_bytes(1)
    api.storage.put_many([(sha(raw), raw)])

    api.client.post("/api", json=[{"subject": "x", "sha256": sha(raw)}])

    assert api.client.get("/v1/mails/1/raw").data == raw


def test_the_last_uid_is_of_a_stored_mail(api: Caller) -> None:
    api.hello()
    api.push(1)

    api.deliver(api.failure(900, "refused"))

    assert api.get("/api")["UID"] == 1


def test_a_push_for_a_mailbox_that_never_said_hello_is_refused(api: Caller) -> None:
    problem = api.post("/api", [api.delivery(1, mail_bytes(1))], 409)

    assert problem["code"] == "unknown_mailbox"


def test_mail_whose_bytes_lie_in_another_store_is_refused(api: Caller) -> None:
    api.hello()
    told = {"Postroom-Storage": "f" * 32, "Postroom-Batch": "1"}

    problem = api.post("/api", [api.delivery(1, mail_bytes(1))], 409, **told)

    assert problem["code"] == "storage_mismatch"


def test_one_key_with_two_contents_in_a_batch_is_a_conflict(api: Caller) -> None:
    api.hello()

    api.deliver(api.delivery(1, mail_bytes(1)), api.delivery(1, mail_bytes(1, "other")))

    assert [place.version for place in Place.select().order_by(Place.version)] == [0, 1]
    assert Event.select().where(Event.kind == "place.conflict").count() == 1


def test_an_error_of_ours_over_one_mail_stops_no_other(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.hello()

    def failing(text: str) -> str:
        if text == "mail 2":
            raise RecursionError
        return fold(text)

    monkeypatch.setattr("api.search.indexing.fold", failing)
    statuses = api.deliver(*(api.delivery(uid, mail_bytes(uid)) for uid in (1, 2, 3)))

    assert statuses == ["stored", "quarantined", "stored"]
