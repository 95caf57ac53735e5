"""Runs in the browser: followed live, stopped, run again, compared; what they write stays text."""

import msgspec
import pytest

from api.models import Run, Script
from api.running import runlog
from postroom import runs
from tests.web.browser import text
from tests.web.browserless import HTML
from tests.web.workshop import NASTY, workshop


@pytest.fixture
def operator(window, world):
    workshop(world)
    window.enter(world.cookie("bob", "operator"))
    return window


def log(page, stream: str = "stdout"):
    return page.get_by_role("region", name=f"Log: {stream}").last


def untouched(page) -> None:
    """Nothing that a script wrote became a part of the page."""
    assert page.locator("img[onerror], main script:not([src*=follow])").count() == 0
    assert page.title() != "taken"


def test_a_run_is_followed_from_its_asking_to_its_end(operator, world):
    scripter = world.scripter
    page = operator.open("/scripts/prices")
    operator.press("Run now")
    id_ = int(page.url.rpartition("/")[2])
    assert page.locator(".mark-waiting").inner_text() == "Waiting"

    (run,) = scripter.claim("courier", run=id_)
    scripter.log(run, f"one {NASTY}\n")
    page.get_by_text(f"one {NASTY}").wait_for()
    page.locator(".mark-running").wait_for()
    scripter.log(run, "two é\n", offset=len(f"one {NASTY}\n"))
    page.get_by_text("two é").wait_for()
    assert log(page).inner_text() == f"one {NASTY}\ntwo é\n"
    untouched(page)

    scripter.finish(run, output=f"12 EUR {NASTY}")
    page.locator(".mark-completed").wait_for()
    assert page.get_by_role("region", name="Output").last.inner_text() == f"12 EUR {NASTY}"
    page.get_by_text("Nothing was written.").wait_for()
    page.locator(".follows").first.wait_for(state="detached")
    untouched(page)


def test_the_log_of_another_try_takes_the_place_of_the_last(operator, world):
    scripter = world.scripter
    scripter.script("shaky", retries=1)
    (run,) = scripter.claim("a", run=scripter.run("shaky")["id"])
    scripter.log(run, "first try\n")
    page = operator.open(f"/runs/{run.run}")
    assert "first try" in log(page).inner_text()
    scripter.finish(run, status="error", exit_code=1, error="it shook")
    page.get_by_text("it shook").wait_for()
    scripter.let_due(run.run)
    (again,) = scripter.claim("b", run=run.run)
    scripter.log(again, "second try\n")
    page.get_by_text("second try").wait_for()

    assert log(page).inner_text() == "second try\n"
    scripter.finish(again)


def test_what_has_the_focus_is_not_taken_away(operator, world):
    run = workshop(world).running()
    page = operator.open(f"/runs/{run.run}")
    page.get_by_role("button", name="Stop").focus()
    world.scripter.finish(run, output="over")
    for _ in range(3):
        page.wait_for_event("response", lambda answer: answer.url.endswith(f"/runs/{run.run}"))
    assert page.evaluate("document.activeElement.textContent") == "Stop"

    page.locator("h1").click()
    page.evaluate("document.activeElement.blur()")
    page.locator(".mark-completed").wait_for()


def test_more_than_is_kept_of_a_log_is_said(operator, world, monkeypatch):
    monkeypatch.setattr(runlog, "MOST", 64 * 1024)
    monkeypatch.setattr(runlog, "PIECE", 16 * 1024)
    run = workshop(world).running()
    page = operator.open(f"/runs/{run.run}")
    offset, piece = 30, "x" * (16 * 1024)
    for _ in range(5):
        world.scripter.log(run, piece, offset=offset)
        offset += len(piece)
    world.scripter.finish(run)

    page.get_by_text("The script wrote more than is kept.").wait_for()
    assert page.locator(".follows").count() <= 1
    page = operator.open(f"/runs/{run.run}")
    assert "The script wrote more than is kept." in text(page)
    with page.expect_download() as file:
        page.get_by_role("link", name="Download stdout").click()
    assert file.value.suggested_filename == f"run-{run.run}-out.txt"
    assert file.value.path().stat().st_size == 64 * 1024


def test_a_run_is_stopped(operator, world):
    run = workshop(world).running()
    page = operator.open(f"/runs/{run.run}")
    operator.press("Stop")
    assert "It was told to stop." in text(page)
    assert page.get_by_role("button", name="Stop").count() == 0
    assert world.scripter.renew(run)["stop"] is True

    world.scripter.finish(run, status="error", error="stopped")
    page.locator("main .mark-error").wait_for()
    waiting = world.scripter.run("orders")["id"]
    page = operator.open(f"/runs/{waiting}")
    operator.press("Stop")
    assert "stopped before it began" in text(page)


def test_a_run_is_run_again(operator, world):
    failed = workshop(world).first + 8
    page = operator.open(f"/runs/{failed}")
    assert (
        "ValueError: no total in it" in page.get_by_role("region", name="Error").last.inner_text()
    )
    operator.press("Run again")

    new = int(page.url.rpartition("/")[2])
    assert f"again as run {failed}" in text(page)
    told = world.scripter.shown(new)
    assert (told["trigger"]["of"], told["arguments"]) == (failed, {"currency": "EUR", "least": 5})
    assert world.events("run.asked")[-1] == {"by": "bob", "run": new, "again": failed}
    operator.press("Stop")


def test_an_output_is_shown_compared_and_downloaded(operator, world):
    run = workshop(world).first + 3
    page = operator.open(f"/runs/{run}")
    with page.expect_download() as file:
        page.get_by_role("link", name="Download Output").click()
    assert file.value.suggested_filename == f"orders-{run}.txt"
    assert file.value.path().read_text() == "order 1: 12 EUR\norder 3: 7 EUR\n"

    page.get_by_role("link", name=f"Compare with run {run - 1}").click()
    assert "1 added, 1 gone" in text(page)
    assert page.locator(".diff .added").inner_text() == "order 3: 7 EUR"
    assert page.locator(".diff .gone").inner_text() == "order 2: 7 EUR"
    operator.open(f"/runs/{workshop(world).first}/compare", 404)


def test_what_a_run_made_is_downloaded_and_never_shown(operator, world):
    scripter = world.scripter
    (run,) = scripter.claim("a", run=scripter.run("prices")["id"])
    kept = scripter.put_object(run, "page.html", NASTY)
    made = runs.Artefact(**msgspec.structs.asdict(kept), name="<b>page.html", type="text/html")
    scripter.finish(run, artefacts=[made], output=NASTY, error=NASTY, status="error")
    page = operator.open(f"/runs/{run.run}")
    untouched(page)
    with page.expect_download() as file:
        page.get_by_role("link", name="<b>page.html").click()

    assert file.value.path().read_text() == NASTY
    answer = operator.get(f"/v1/runs/{run.run}/artefacts/1")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_outputs_that_are_long_or_gone_are_said_so(operator, world):
    scripter = world.scripter
    id_ = scripter.done("prices", output="é" * 40_000)
    page = operator.open(f"/runs/{id_}")
    assert "Only the beginning is shown: 80.0 kB in all." in text(page)

    world.app.config["FILES"].delete([Run.get_by_id(id_).output_key])
    page = operator.open(f"/runs/{id_}")
    assert "These bytes are gone from the storage" in text(page)
    page = operator.open(f"/runs/{id_}/compare")
    assert "One of the outputs is gone from the storage." in text(page)


def test_runs_are_filtered_and_come_by_parts(operator, world):
    workshop(world)
    page = operator.open("/runs")
    page.get_by_label("Script").select_option("orders")
    page.get_by_label("Status").select_option("error")
    operator.press("Show")
    assert set(page.locator("tbody .mark").all_inner_texts()) == {"Error"}
    assert page.locator("tbody tr").count() >= 3
    assert page.get_by_label("Script").input_value() == "orders"

    world.scripter.script("many")
    with world.db.writing():
        row = Run.select().where(Run.script == Script.get(Script.name == "orders")).dicts().get()
        del row["id"]
        new = {**row, "script": Script.get(Script.name == "many")}
        Run.insert_many([{**new, "event": None, "key": None} for _ in range(60)]).execute()
    page = operator.open("/runs?script=many&_scheme=javascript&_external=1&_anchor=x")
    assert page.locator("tbody tr").count() == 50
    with page.expect_navigation():
        page.get_by_role("link", name="Next").click()
    assert page.url.startswith(f"{operator.address}/runs?script=many")
    assert page.locator("tbody tr").count() == 10


def test_a_list_of_runs_grows_without_a_reload(operator, world):
    page = operator.open("/runs")
    page.locator("body.is-live").wait_for()
    id_ = world.scripter.done("prices", output="live")

    row = page.locator("#runs tr", has=page.locator(f"a[href='/runs/{id_}']"))
    row.locator(".mark-completed").wait_for()
    assert "by hand" in row.inner_text()


def test_a_history_is_a_chart_that_tells_its_runs(operator, world):
    shop = workshop(world)
    page = operator.open("/scripts/orders")
    chart = page.locator("#history svg")

    assert " with an error, " in chart.locator("desc").first.text_content()
    told = chart.locator("g > title").all_text_contents()
    assert f"Run {shop.first}: Completed, 3.0 s" in told
    assert f"Run {shop.first + 8}: Error, 3.9 s" in told
    assert chart.locator("path.is-bad").count() >= 3
    slots = page.get_by_role("region", name="Slots of its clock").inner_text()
    assert "Missed" in slots


def test_a_run_goes_its_way_without_a_script(plain_window, world):
    workshop(world)
    window = plain_window
    window.enter(world.cookie("ann", "admin"))
    page = window.open("/new-script")
    page.get_by_label("Name").fill("plain")
    page.get_by_label("Source").fill("pass")
    window.press("Make the script")
    assert page.get_by_label("Cron line").is_hidden()
    page.get_by_label("Clock", exact=True).select_option("cron")
    page.get_by_label("Cron line").fill("0 6 * * *")
    window.press("Save settings")
    window.press("Run now")
    (run,) = world.scripter.claim("a", run=int(page.url.rpartition("/")[2]))
    world.scripter.log(run, "working\n")
    page.reload()
    assert log(page).inner_text() == "working\n"
    assert page.locator(".follows").first.is_hidden()
    window.press("Stop")
    assert "It was told to stop." in text(page)
    world.scripter.finish(run, status="error")


def test_a_run_over_a_mail_leads_to_it(client, world):
    run = world.scripter.run("prices", mail=1)["id"]

    assert 'href="/mails/1"' in client.get(f"/runs/{run}", headers=HTML).text
    assert 'name="mail" value="1"' in client.get("/runs?mail=1", headers=HTML).text
