"""The event log: filtered, never an empty page, cleared of what is old."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from api import eventlog
from api.log import events
from api.models import Event, Script, Webhook
from tests.api.caller import Caller


def tell(api: Caller, *kinds: str, source: str = "work") -> None:
    with api.db.writing():
        for kind in kinds:
            events.tell(kind, source)


def kinds(api: Caller, query: str) -> list[str]:
    return [each["kind"] for each in api.get(f"/v1/events?{query}")["items"]]


def clear(api: Caller, days: int = 10, later: float = 11) -> int:
    return eventlog.clear_up(api.db, days, datetime.now(UTC) + timedelta(days=later))


def test_events_are_chosen_by_kind_source_and_time(api: Caller) -> None:
    tell(api, "source.silent", "mail.stored", "source.failing", "source_x.odd")
    tell(api, "mail.stored", source="home")
    later = quote((datetime.now(UTC) + timedelta(hours=1)).isoformat())

    assert kinds(api, "kind=source.*") == ["source.silent", "source.failing"]
    assert kinds(api, "kind=source.silent,mail.*&source=work") == ["source.silent", "mail.stored"]
    assert kinds(api, "source=home") == ["mail.stored"]
    assert len(kinds(api, "since=2026-01-01")) == 5
    assert kinds(api, f"since={later}") == []


@pytest.mark.parametrize(
    ("query", "code"), [("kind=*", "bad_kind"), ("kind=", "bad_kind"), ("since=x", "bad_time")]
)
def test_a_filter_that_means_nothing_is_refused(api: Caller, query: str, code: str) -> None:
    for path in ("/v1/events", "/v1/events/stream"):
        assert api.get(f"{path}?{query}", 400)["code"] == code


def test_no_page_is_empty_while_there_is_more(api: Caller) -> None:
    tell(api, *["mail.stored"] * 40, "run.lost", *["mail.stored"] * 40, "run.lost")

    first = api.get("/v1/events?kind=run.*&limit=1")
    second = api.get(f"/v1/events?kind=run.*&limit=1&after={first['next_cursor']}")
    third = api.get(f"/v1/events?kind=run.*&limit=1&after={second['next_cursor']}")

    assert [[each["id"] for each in page["items"]] for page in (first, second)] == [[41], [82]]
    assert (first["has_more"], second["has_more"], third["items"]) == (True, False, [])
    assert third["next_cursor"] == api.get("/v1/events?limit=500")["next_cursor"]


def test_old_events_go_and_a_cursor_among_them_has_expired(api: Caller) -> None:
    tell(api, "mail.stored", "mail.stored", "mail.stored")
    first = api.get("/v1/events?limit=1")["next_cursor"]
    second = api.get("/v1/events?limit=2")["next_cursor"]

    assert (clear(api, later=9), clear(api), clear(api)) == (0, 2, 0)

    assert api.get(f"/v1/events?after={first}", 410)["code"] == "cursor_expired"
    assert api.get(f"/v1/events/stream?after={first}", 410)["code"] == "cursor_expired"
    assert [each["id"] for each in api.get(f"/v1/events?after={second}")["items"]] == [3]
    assert [each["id"] for each in api.get("/v1/events")["items"]] == [3]


def test_events_are_deleted_in_small_transactions(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventlog, "CHUNK", 3)
    monkeypatch.setattr(eventlog, "CHUNKS", 2)
    tell(api, *["mail.stored"] * 8)

    assert (clear(api), clear(api)) == (6, 1)
    assert clear(api, days=0) == 0


def test_what_a_script_was_not_told_of_yet_is_kept(api: Caller) -> None:
    tell(api, *["mail.stored"] * 4)
    with api.db.writing():
        Script.create(name="a", on_mail="*", event=2, enabled=True)
        Script.create(name="b", on_mail="*", event=1, enabled=False)

    clear(api)

    assert [event.id for event in Event.select().order_by(Event.id)] == [3, 4]


def test_what_a_webhook_was_not_told_of_yet_is_kept(api: Caller) -> None:
    tell(api, *["mail.stored"] * 4)
    with api.db.writing():
        Webhook.create(name="a", url="https://example.org", secret="s", event=2)
        Webhook.create(name="b", url="https://example.org", secret="s", event=1, enabled=False)

    clear(api)

    assert [event.id for event in Event.select().order_by(Event.id)] == [3, 4]
