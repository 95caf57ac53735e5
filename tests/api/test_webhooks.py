"""Webhooks: who is told of what, in which order, how often; and who may know the secret."""

import json
from typing import Any

import msgspec
import pytest

from api.models import Event, Task, Webhook, WebhookDelivery
from api.schedule import after
from api.telling import courier
from postroom.courier import ClaimedWebhook, ClaimedWebhooks, ClaimWebhook, TellDelivery
from tests.api.caller import Caller
from tests.api.scripter import Scripter, ago

URL = "https://example.org/hook?key=hidden"


def add(scripter: Scripter, **told: Any) -> Any:
    scripter.api.hello()
    return scripter.post("/v1/webhooks", {"url": URL, **told}, 201)


def claim(scripter: Scripter, worker: str = "a") -> list[ClaimedWebhook]:
    answer = scripter.tell("/v1/webhooks/claim", ClaimWebhook(worker=worker))
    return msgspec.convert(answer, ClaimedWebhooks).webhooks


def tell(
    scripter: Scripter, got: ClaimedWebhook, status: int = 200, http: int = 200, **more: Any
) -> Any:
    outcome = "delivered" if status < 300 else "failed"
    fields: dict[str, Any] = {"outcome": outcome, "status": status, "error": "", **more}
    told = TellDelivery(claim=got.claim, **fields)
    path = f"/v1/webhooks/{got.webhook}/deliveries/{got.deliveries[0].id}/tell"
    return scripter.tell(path, told, http)


def admin(scripter: Scripter, path: str) -> Any:
    return scripter.api.get(path, 200, **scripter.admin)


def rested(api: Caller) -> None:
    """As if all pauses were over."""
    with api.db.writing():
        Task.update(due="").where(Task.kind == "webhook").execute()
        WebhookDelivery.update(next_try=ago(seconds=1)).where(
            WebhookDelivery.next_try > ""
        ).execute()


def kinds() -> list[str]:
    return [event.kind for event in Event.select().where(Event.kind.startswith("webhook."))]


def test_only_what_the_filters_select_is_sent_in_order(scripter: Scripter) -> None:
    add(scripter, kinds=["mail.*"], sources=["work"])
    add(scripter, kinds=["run.finished"])
    add(scripter, sources=["home"])
    scripter.mail(1, 2)

    (got,) = claim(scripter)

    assert [each.kind for each in got.deliveries] == ["mail.stored"] * 2
    told = json.loads(got.deliveries[0].body)
    events = scripter.get("/v1/events")["items"]
    assert told == next(each for each in events if each["id"] == got.deliveries[0].event)
    assert claim(scripter, "b") == []


def test_the_secret_is_shown_once_and_to_admins_alone(scripter: Scripter) -> None:
    made = add(scripter)
    given = add(scripter, secret="0123456789abcdef")

    assert made["secret"].startswith("whsec_")
    assert "secret" not in given
    listed = admin(scripter, "/v1/webhooks")
    assert "secret" not in json.dumps(listed)
    assert "secret" not in admin(scripter, "/v1/webhooks/1")
    scripter.get("/v1/webhooks", 401)
    scripter.get("/v1/webhooks/1/deliveries", 401)
    assert "secret" in scripter.put("/v1/webhooks/2", {"secret": None})


def test_one_that_failed_holds_up_the_others_only_at_first(scripter: Scripter, api: Caller) -> None:
    add(scripter, kinds=["mail.stored"])
    scripter.mail(1, 2)
    for _ in range(courier.HELD):
        rested(api)
        (got,) = claim(scripter)
        assert len(got.deliveries) == 2
        assert tell(scripter, got, 500, error="the receiver answers 500")["stop"]
        assert claim(scripter) == []

    with api.db.writing():
        Task.update(due="").where(Task.kind == "webhook").execute()
    (got,) = claim(scripter)

    assert [each.event for each in got.deliveries] == [got.deliveries[0].event]
    assert got.deliveries[0].attempt == 1


def test_ten_tries_and_then_by_hand(scripter: Scripter, api: Caller) -> None:
    add(scripter, kinds=["mail.stored"])
    scripter.mail(1)
    for _ in range(courier.TRIES):
        rested(api)
        (got,) = claim(scripter)
        tell(scripter, got, 500, error="no")
    rested(api)
    assert claim(scripter) == []
    (failed,) = admin(scripter, "/v1/webhooks/1/deliveries?state=failed")["items"]
    assert (failed["attempts"], failed["status"], failed["error"]) == (10, 500, "no")
    assert courier.clear_up(api.db, 0) == 0

    scripter.post(f"/v1/webhooks/1/deliveries/{failed['id']}/redeliver", {})
    (again,) = claim(scripter)
    tell(scripter, again)

    assert again.deliveries[0].event == failed["event"]
    assert kinds() == ["webhook.failing", "webhook.recovered"]
    with api.db.writing():
        WebhookDelivery.update(ended=ago(hours=2)).execute()
    assert (courier.clear_up(api.db, 3), courier.clear_up(api.db, 1)) == (0, 1)


def test_pauses_grow_and_never_are_shorter_than_asked_for(scripter: Scripter, api: Caller) -> None:
    assert 5 <= courier.pause(1) <= 6.25
    assert 1280 <= courier.pause(9) <= 1600
    add(scripter, kinds=["mail.stored"])
    scripter.mail(1)
    (got,) = claim(scripter)

    tell(scripter, got, 429, error="later", after_seconds=1000)

    assert WebhookDelivery.get().next_try > after(900)
    assert Task.get(Task.kind == "webhook").due > after(900)


def test_one_that_is_gone_is_disabled(scripter: Scripter) -> None:
    add(scripter, kinds=["mail.stored"])
    scripter.mail(1)
    (got,) = claim(scripter)

    tell(scripter, got, 410, error="gone")

    assert admin(scripter, "/v1/webhooks/1")["state"] == "disabled"
    assert kinds() == ["webhook.disabled"]
    scripter.post("/v1/webhooks/1/test", {}, 409)
    assert scripter.put("/v1/webhooks/1", {"enabled": True})["state"] == "ok"


def test_a_webhook_is_not_told_of_itself(scripter: Scripter, api: Caller) -> None:
    add(scripter, kinds=["webhook.*"])
    add(scripter, kinds=["webhook.*"])
    scripter.post("/v1/webhooks/1/test", {}, 201)

    first, second = claim(scripter) + claim(scripter)

    assert [len(first.deliveries), len(second.deliveries)] == [1, 1]
    assert {first.webhook, second.webhook} == {1, 2}
    assert WebhookDelivery.select().count() == 2


def test_who_lost_the_lease_is_not_heard(scripter: Scripter, api: Caller) -> None:
    add(scripter, kinds=["mail.stored"])
    scripter.mail(1)
    (first,) = claim(scripter)
    with api.db.writing():
        Task.update(lease_until=ago(seconds=1)).where(Task.kind == "webhook").execute()

    (second,) = claim(scripter, "b")

    assert second.deliveries == first.deliveries
    assert tell(scripter, first, http=409)["code"] == "lease_lost"
    assert tell(scripter, second, last=True)["stop"]


def test_a_deleted_webhook_leaves_nothing(scripter: Scripter) -> None:
    add(scripter, kinds=["mail.stored"])
    scripter.mail(1)
    claim(scripter)

    assert scripter.delete("/v1/webhooks/1")["deliveries"] == 1
    assert not Webhook.select().exists()
    assert not Task.select().where(Task.kind == "webhook").exists()
    scripter.delete("/v1/webhooks/1", 404)


@pytest.mark.parametrize(
    "url", ["ftp://x/", "https://ann:pw@x/", "https:///p", "https://x/ y", "https://x:99999/", "x"]
)
def test_what_is_no_address_is_refused(scripter: Scripter, url: str) -> None:
    told = scripter.post("/v1/webhooks", {"url": url}, 400)
    assert told["code"] == "bad_url"
    assert "pw" not in told["detail"]
