"""Places, and deletions at the source: the intention, what became of it, and who may ask."""

import hashlib
from typing import Any

import pytest

from api.rest.security import new_token
from tests.api.caller import Caller, mail_bytes

FINGERPRINT = "imap:host:ann"
PATH = "/v1/mailboxes/work/deletions"


@pytest.fixture
def admin(api: Caller) -> dict[str, Any]:
    with api.db.writing():
        return {"Authorization": f"Bearer {new_token('boss', ['admin'])}"}


@pytest.fixture
def stored(api: Caller) -> Caller:
    api.hello(FINGERPRINT)
    api.push(1, 2, 3)
    return api


def places(api: Caller, query: str = "") -> dict[object, dict[str, object]]:
    return {p["key"]: p for p in api.get(f"/v1/mailboxes/work/places{query}")["items"]}


def intention(api: Caller, *uids: int, **changed: object) -> dict[str, object]:
    items = [
        {"place": places(api)[uid]["id"], "sha256": sha256(uid), "proof": "same_headers", **changed}
        for uid in uids
    ]
    return {"fingerprint": FINGERPRINT, "items": items}


def sha256(uid: int) -> str:
    return hashlib.sha256(mail_bytes(uid)).hexdigest()


def kinds(api: Caller) -> list[str]:
    return [event["kind"] for event in api.get("/v1/events?limit=500")["items"]]


def test_places_tell_what_is_needed_to_compare(stored: Caller):
    place = places(stored)[2]

    assert place["sha256"] == sha256(2)
    assert (place["state"], place["verified"], place["has_raw"]) == ("stored", True, True)
    assert (place["server_size"], place["message_id"]) == (len(mail_bytes(2)), "<2@x>")
    assert len(str(place["header_sha256"])) == 64
    assert place["deleted_at_source"] == ""


def test_places_come_by_pages_and_folders(stored: Caller):
    first = stored.get("/v1/mailboxes/work/places?limit=2")
    second = stored.get(f"/v1/mailboxes/work/places?limit=2&cursor={first['next_cursor']}")

    assert [p["key"] for p in first["items"] + second["items"]] == [1, 2, 3]
    assert second["next_cursor"] is None
    assert places(stored, "?folder=INBOX&uidvalidity=7").keys() == {1, 2, 3}
    assert places(stored, "?folder=Other") == places(stored, "?uidvalidity=8") == {}
    assert stored.get("/v1/mailboxes/work/places?uidvalidity=x", 400)["code"] == "bad_number"
    assert stored.get("/v1/mailboxes/nobody/places", 404)["code"] == "not_found"


def test_places_of_an_earlier_account_are_not_shown(stored: Caller):
    stored.hello("imap:host:eve")

    assert places(stored) == {}


def test_a_failed_item_has_a_place_without_a_mail(stored: Caller):
    stored.deliver(stored.failure(9, "refused"))

    assert (places(stored)[9]["state"], places(stored)[9]["mail"]) == ("refused", None)


def test_an_intention_then_its_end(stored: Caller, admin: dict[str, Any]):
    (row,) = stored.post(PATH, intention(stored, 1), 201, **admin)["items"]
    assert (row["state"], row["key"], row["sha256"]) == ("intended", 1, sha256(1))
    assert "mail.deleted_at_source" not in kinds(stored)

    done = {"items": [{"id": row["id"], "state": "deleted"}]}
    stored.post(f"{PATH}/settle", done, **admin)
    stored.post(f"{PATH}/settle", done, **admin)

    assert kinds(stored).count("mail.deleted_at_source") == 1
    assert places(stored)[1]["deleted_at_source"]
    assert stored.get(f"{PATH}?state=intended")["items"] == []
    assert len(stored.get(f"{PATH}?state=deleted")["items"]) == 1


def test_what_was_deleted_is_never_told_as_kept(stored: Caller, admin: dict[str, Any]):
    (row,) = stored.post(PATH, intention(stored, 1), 201, **admin)["items"]

    for state in ("kept", "deleted", "kept"):
        stored.post(f"{PATH}/settle", {"items": [{"id": row["id"], "state": state}]}, **admin)

    assert stored.get(PATH)["items"][0]["state"] == "deleted"


def test_an_intention_told_twice_is_one_row(stored: Caller, admin: dict[str, Any]):
    rows = [stored.post(PATH, intention(stored, 1), 201, **admin)["items"] for _ in range(2)]

    assert rows[0][0]["id"] == rows[1][0]["id"]
    assert len(stored.get(PATH)["items"]) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"sha256": sha256(2)}, "not those that were stored"), ({"sha256": "0" * 64}, "not in the")],
)
def test_an_intention_without_proof_is_refused_and_none_is_noted(
    stored: Caller, admin: dict[str, Any], changed: dict[str, object], words: str
):
    told = intention(stored, 3)
    told["items"] += intention(stored, 1, **changed)["items"]  # type: ignore[operator]

    answer = stored.post(PATH, told, 409, Accept="application/json", **admin)

    assert answer["code"] == "not_deletable"
    assert words in answer["detail"]
    assert stored.get(PATH)["items"] == []


def test_an_unread_place_and_another_account_are_refused(stored: Caller, admin: dict[str, Any]):
    told = intention(stored, 1)
    other = {**told, "fingerprint": "imap:host:eve"}
    assert stored.post(PATH, other, 409, **admin)["code"] == "other_account"
    with stored.db.writing():
        stored.db.execute_sql("UPDATE places SET verified = FALSE")

    answer = stored.post(PATH, told, 409, **admin)

    assert "never read" in answer["detail"]


def test_a_place_of_an_earlier_account_or_with_newer_bytes_is_refused(
    stored: Caller, admin: dict[str, Any]
):
    other = mail_bytes(1, "other")
    keep = {hashlib.sha256(other).hexdigest(): other}
    first = intention(stored, 1)
    stored.deliver(stored.delivery(1, other), keep=keep)
    assert "since" in stored.post(PATH, first, 409, **admin)["detail"]

    second = intention(stored, 2)
    stored.hello("imap:host:eve")
    again = {**second, "fingerprint": "imap:host:eve"}
    assert "was before" in stored.post(PATH, again, 409, **admin)["detail"]


def test_deletions_need_the_admin_token_even_here(stored: Caller):
    assert stored.post(PATH, {}, 401)["code"] == "unauthorized"
    assert stored.post(f"{PATH}/settle", {}, 401)["code"] == "unauthorized"
    assert stored.get(PATH)["items"] == []


def test_unknown_rows_states_and_places_are_said(stored: Caller, admin: dict[str, Any]):
    unknown = {"items": [{"id": 99, "state": "deleted"}]}
    assert stored.post(f"{PATH}/settle", unknown, 404, **admin)["code"] == "not_found"
    nowhere = intention(stored, 1, place=99)
    assert stored.post(PATH, nowhere, 404, **admin)["code"] == "not_found"
    assert stored.get(f"{PATH}?state=none", 400)["code"] == "bad_state"


def test_a_listing_without_the_mail_settles_its_deletion(stored: Caller, admin: dict[str, Any]):
    stored.post(PATH, intention(stored, 1, 2), 201, **admin)

    stored.finish((2, 3))

    states = {row["key"]: row["state"] for row in stored.get(PATH)["items"]}
    assert states == {1: "deleted", 2: "intended"}
    assert kinds(stored).count("mail.deleted_at_source") == 1
