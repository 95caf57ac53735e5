"""Events and quarantine, read and acted on in a browser."""

from api.models import Task
from tests.web.browser import text


def _kinds(page):
    return set(page.locator("tbody .kind").all_inner_texts())


def test_events_are_filtered_by_kind_and_source(window):
    page = window.open("/events")
    page.get_by_label("Kind").fill("file.*")
    page.get_by_label("Source").fill("prices")
    window.press("Filter")

    assert _kinds(page) == {"file.found", "file.stored", "file.failed"}
    assert page.get_by_label("Kind").input_value() == "file.*"


def test_a_kind_that_cannot_be_is_told_at_its_field(window):
    page = window.open("/events")
    window.expected.add(400)
    page.get_by_label("Kind").fill("*")
    window.press("Filter")

    field = page.get_by_label("Kind")
    assert field.get_attribute("aria-invalid") == "true"
    assert "source.*" in page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()


def test_older_events_come_on_further_pages(window, world):
    world.caller.mailbox = "office"
    world.caller.push(*range(100, 160))
    page = window.open("/events?kind=mail.stored")
    newest = page.locator("tbody tr").count()
    with page.expect_navigation():
        page.get_by_role("link", name="Next").click()

    assert newest == 50
    assert page.locator("tbody tr").count() == 15
    with page.expect_navigation():
        page.get_by_role("link", name="Newest").click()
    assert page.locator("tbody tr").count() == 50


def test_an_item_in_quarantine_is_tried_again(window, world):
    page = window.open("/quarantine")
    assert "the server gives no bytes" in text(page)

    window.press("Try again work 9")

    assert "It will be tried again." in text(page)
    task = Task.select().where(Task.kind == "fetch").order_by(Task.id.desc()).get()
    assert (task.source, task.state, task.target["key"]) == ("work", "due", 9)


def test_all_that_the_filters_select_is_tried_again(window):
    page = window.open("/quarantine?mailbox=work&stage=fetch")
    assert page.get_by_label("Stage").input_value() == "fetch"

    window.press("Try all again")

    assert "All of them will be tried again." in text(page)
    assert "stage=fetch" in page.url


def test_a_reader_sees_the_quarantine_and_changes_nothing(window, world):
    window.enter(world.cookie("eve", "reader"))
    page = window.open("/quarantine")

    assert "the server gives no bytes" in text(page)
    assert page.get_by_role("button", name="Try").count() == 0


def test_what_is_not_there_any_more_is_not_tried_again_and_says_why(window, world):
    api = world.caller
    api.mailbox = "moved"
    api.hello("imap:moved:ann")
    api.deliver(api.failure(1, "refused"))
    api.uidvalidity = 8
    api.push(1)
    api.mailbox, api.uidvalidity = "work", 7
    window.expected.add(409)
    page = window.open("/quarantine?mailbox=moved")
    window.press("Try again moved 1")

    assert "gave its UIDs anew" in page.get_by_role("alert").inner_text()
    page = window.open("/quarantine?mailbox=moved")
    window.press("Try all again")
    assert "They will be tried again, but for some" in text(page)


def test_a_time_that_is_none_is_told_at_its_field(window):
    page = window.open("/events?since=2099-01-01")
    assert "Nothing" in text(page)
    window.expected.add(400)
    page.get_by_label("Since").fill("yesterday")
    window.press("Filter")

    assert page.get_by_label("Since").get_attribute("aria-invalid") == "true"
    assert page.get_by_label("Since").input_value() == "yesterday"
