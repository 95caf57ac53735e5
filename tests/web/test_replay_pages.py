"""Replays in the browser: begun with a filter, followed, stopped, read and downloaded."""

import msgspec
import pytest

from api.models import Replay
from tests.web.browser import text
from tests.web.workshop import NASTY, workshop


@pytest.fixture
def operator(window, world):
    workshop(world)
    window.enter(world.cookie("bob", "operator"))
    return window


def test_a_replay_is_begun_with_a_filter_and_followed_to_its_result(operator, world):
    shop = workshop(world)
    page = operator.open("/scripts/orders/replays")
    page.get_by_label("Mailbox").select_option("office")
    page.get_by_label("Arguments").fill('{"least": 9}')
    operator.press("Start")
    assert "The replay has begun." in text(page)
    id_ = int(page.url.rpartition("/")[2])
    row = Replay.get_by_id(id_)
    assert (row.filters, row.arguments) == (
        {"mailbox": "office"},
        {"currency": "EUR", "least": 9},
    )
    assert world.events("replay.asked")[-1]["by"] == "bob"

    batch = shop.claim_replay(id_)
    shop.tell_replay(id_, batch, dict.fromkeys(batch.items[:2], NASTY))
    page.get_by_text("2 of 5 done, 0 failed").wait_for()
    assert page.locator("progress").get_attribute("value") == "2"
    shop.tell_replay(id_, batch, dict.fromkeys(batch.items[2:], f"!{NASTY}"))
    page.locator("#replay .section-head .mark-completed").wait_for()

    assert "5 of 5 done, 3 failed" in text(page)
    assert page.locator(".diff .added").first.inner_text() == NASTY
    assert NASTY in page.locator("pre.error").first.inner_text()
    assert page.locator("img[onerror], main script:not([src*=follow])").count() == 0


def test_what_differs_is_shown_by_its_kind(operator, world):
    replay = workshop(world).replays[1]
    page = operator.open(f"/replays/{replay}")
    assert "2 added, 1 gone, 1 changed, 1 the same" in text(page)
    counts = {"Added": 2, "Gone": 1, "Changed": 1, "Failed": 0, "All differences": 4}
    for name, count in counts.items():
        link = page.get_by_role("link", name=name, exact=True).get_attribute("href")
        assert operator.get(link).text().count("<article") == count, name
    with page.expect_navigation():
        page.get_by_role("link", name="Changed", exact=True).click()
    assert page.locator("article").count() == 1
    assert page.locator("article").locator(".added").inner_text() == "VAT 2 EUR"
    with page.expect_navigation():
        page.get_by_role("link", name="Compared with replay").click()
    assert page.url.endswith(f"/replays/{workshop(world).replays[0]}")
    operator.open(f"/replays/{replay}?show=none", 400)


def test_a_result_is_downloaded_a_json_a_line(operator, world):
    replay = workshop(world).replays[0]
    page = operator.open(f"/replays/{replay}")
    with page.expect_download() as file:
        page.get_by_role("link", name="Download as JSON lines").click()

    assert file.value.suggested_filename == f"orders-replay-{replay}.jsonl"
    lines = [msgspec.json.decode(line) for line in file.value.path().read_bytes().splitlines()]
    assert [line["output"] for line in lines[:2]] == ["12 EUR", "7 EUR"]
    assert lines[2]["error"] == "no total in it"


def test_a_replay_is_stopped(operator, world):
    id_, _ = workshop(world).begin_replay()
    page = operator.open(f"/replays/{id_}")
    operator.press("Stop")

    assert "The replay is stopped." in text(page)
    assert page.locator("#replay .mark-stopped").count() == 1
    assert page.get_by_role("button", name="Stop").count() == 0
    assert "Stopped" in text(operator.open("/scripts/orders/replays"))


def test_what_cannot_be_replayed_is_told_at_its_field(operator):
    before = Replay.select().count()
    page = operator.open("/scripts/orders/replays")
    operator.expected.add(400)
    page.get_by_label("Search").fill('"open')
    page.get_by_label("Arguments").fill("{}")
    operator.press("Start")
    assert page.locator("#q-wrong").inner_text().startswith("At character 1: this quotation mark")
    assert page.get_by_label("Search").input_value() == '"open'

    page.get_by_label("Arguments").fill("[]")
    operator.press("Start")
    assert "Write a JSON object" in page.locator("#arguments-wrong").inner_text()
    assert Replay.select().count() == before


def test_a_replay_goes_over_files_and_works_without_a_script(plain_window, world):
    workshop(world)
    window = plain_window
    window.enter(world.cookie("bob", "operator"))
    page = window.open("/scripts/prices/replays")
    assert page.get_by_label("Page", exact=True).is_hidden()
    page.get_by_label("Over").select_option("files")
    assert page.get_by_label("Mailbox").is_hidden()
    page.get_by_label("Page", exact=True).select_option("prices")
    page.get_by_label("Since").fill("2020-01-01")
    page.get_by_label("Before").fill("2099-01-01")
    window.press("Start")

    assert "0 of 2 done, 0 failed" in text(page)
    told = Replay.select().order_by(Replay.id.desc()).get()
    assert (told.of, told.filters) == (
        "files",
        {"page": "prices", "since": "2020-01-01", "until": "2099-01-01"},
    )
    window.press("Stop")
