"""Watched pages, their files and digests, read and acted on in a browser."""

import pytest

from api.models import File, Page, Run, Task
from tests.api.watcher import Watcher
from tests.web.browser import text
from tests.web.watch import watch

#: What nobody wants to see run.
NASTY = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"


@pytest.fixture
def found(world):
    return watch(world)


@pytest.fixture
def operator(window, world, found):
    window.enter(world.cookie("bob", "operator"))
    return window


def last(kind):
    """The newest task of a kind."""
    return Task.select().where(Task.kind == kind).order_by(Task.id.desc()).get()


def names(page):
    """Of the files in the list."""
    return page.locator("#list th[scope=row] a, #files th[scope=row] a").all_inner_texts()


def test_a_page_is_looked_at_when_somebody_presses_the_button(operator, found):
    page = operator.open("/pages")
    operator.press("Check now reports")

    assert "The monitor will look at the page." in text(page)
    assert page.url.endswith("/pages")
    task = last("check")
    assert (task.source, task.state) == ("reports", "due")
    assert found.mail() > 0
    page.get_by_role("link", name="reports", exact=True).click()
    page.get_by_role("heading", level=1, name="reports").wait_for()
    assert "done just now" in page.locator("#stands").inner_text().replace("\n", " ")
    operator.press("Check now")
    assert last("check").id > task.id


def test_a_file_that_failed_is_tried_again_from_the_list_and_from_its_page(operator, found):
    page = operator.open("/files?state=failed&page=reports")
    operator.press("Try again autumn.pdf")

    assert "The monitor will ask for the file again." in text(page)
    assert page.get_by_label("State").input_value() == "failed"
    assert last("download").target["file"] == found.autumn
    found.mail()
    page.get_by_role("link", name="autumn.pdf").first.click()
    page.get_by_role("heading", level=1, name="autumn.pdf").wait_for()
    operator.press("Try again")
    assert page.url.endswith(f"/files/{found.autumn}")
    assert "asked just now" in text(page).replace("\n", " ")
    assert last("download").target["file"] == found.autumn
    operator.open(f"/files/{found.summer}")
    operator.press("Compare with the page")
    assert last("download").target["file"] == found.summer


def test_each_version_is_downloaded_as_it_was(window, found):
    page = window.open(f"/files/{found.summer}")
    assert File.get_by_id(found.summer).version in text(page)
    versions = page.get_by_role("region", name="Versions").get_by_role("row")
    assert "current" in versions.nth(1).inner_text()
    assert "replaced" in versions.nth(2).inner_text()
    contents = []
    for row in (versions.nth(1), versions.nth(2)):
        with page.expect_download() as download:
            row.get_by_role("link", name="Download").click()
        contents.append(download.value.path().read_text())

    assert contents == ["what was meant " * 20, "a first draft"]
    assert (
        page.get_by_role("region", name="Runs of scripts over it").get_by_role("row").count() == 4
    )


def test_the_runs_over_a_file_lead_to_it_and_are_listed(window, found):
    page = window.open(f"/files/{found.summer}")
    page.get_by_role("link", name="All runs").click()
    page.get_by_label("File").wait_for()
    assert page.get_by_role("row").count() == 4
    page.get_by_label("Status").select_option("error")
    window.press("Show")
    assert "No run is like that." in text(page)

    run = Run.select().where(Run.file == found.summer).order_by(Run.id).first()
    window.open(f"/runs/{run.id}").get_by_role("link", name=f"File {found.summer}").click()
    page.get_by_role("heading", level=1, name="summer").wait_for()


def test_files_are_filtered_and_what_is_wrong_stands_at_its_field(window, found):
    page = window.open("/pages/reports")
    page.get_by_label("Words").fill("SUMMER")
    page.get_by_label("Versions").select_option("all")
    window.press("Filter")
    assert len(names(page)) == 2

    page.get_by_label("Words").fill("")
    page.get_by_label("State").select_option("found")
    page.get_by_label("Found since").fill("soon")
    window.expected.add(400)
    window.press("Filter")

    field = page.get_by_label("Found since")
    assert field.get_attribute("aria-invalid") == "true"
    assert "ISO 8601" in page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
    field.fill("2020-01-01")
    window.press("Filter")
    assert names(page) == ["late.pdf"]


def test_more_files_come_on_further_pages(window, world):
    Watcher(world.caller, "many").links(*(f"{number}.csv" for number in range(60)))
    page = window.open("/pages/many?q=csv")
    assert names(page)[0] == "59.csv"
    with page.expect_navigation():
        page.get_by_role("link", name="Next").click()

    assert names(page) == [f"{number}.csv" for number in range(9, -1, -1)]
    assert page.get_by_label("Words").input_value() == "csv"
    with page.expect_navigation():
        page.get_by_role("link", name="Newest").click()
    assert len(names(page)) == 50


def test_a_digest_that_failed_is_mailed_again(operator, found):
    digest = found.failing_digest()
    page = operator.open("/pages/reports")
    operator.press(f"Mail now digest {digest}")

    assert "The digest will be mailed." in text(page)
    assert found.mail() > 0
    row = operator.open("/digests?page=reports&state=sent").get_by_role("row").nth(1)
    assert row.inner_text().startswith(str(digest))
    assert row.get_by_role("button").count() == 0


@pytest.mark.long
def test_a_reader_sees_all_of_it_and_no_button(window, world, found):
    window.enter(world.cookie("eve", "reader"))
    for path in ("/pages", "/pages/reports", "/files", f"/files/{found.autumn}", "/digests"):
        page = window.open(path)
        assert page.locator("main").get_by_role("button", name="again").count() == 0
        assert page.locator("main").get_by_role("button", name="now").count() == 0


def test_what_strangers_named_is_shown_and_never_run(window, world):
    watcher = Watcher(world.caller, "<img src=x onerror=alert(1)>")
    watcher.links(f"{NASTY}{'long' * 60}.pdf")
    watcher.tell(watcher.stored("a.pdf", name=f"{NASTY} \u202efdp.exe", type=NASTY),
                 watcher.failed("b.pdf", NASTY))  # fmt: skip
    watcher.looked(2, error=NASTY)
    with world.db.writing():
        File.update(download_url="javascript:alert(1)", text=NASTY).where(
            File.filename == "b.pdf"
        ).execute()
        Page.update(url="javascript:alert(2)").where(Page.name == watcher.page).execute()

    page = window.open("/pages")
    page.get_by_role("link", name=watcher.page).click()
    page.get_by_role("heading", level=1, name=watcher.page).wait_for()
    shown = text(page)
    assert "javascript:alert(2)" in shown
    assert "<img src=x onerror" in shown
    assert "\u202e" not in shown
    window.look("page-hostile")
    for id_ in [row.id for row in File.select().order_by(File.id.desc()).limit(3)]:
        window.open(f"/files/{id_}")
        assert page.locator("main script, main img, a[href^=javascript]").count() == 0
        assert page.title().endswith(" Postroom")
    window.look("file-hostile")


def test_what_comes_is_seen_without_a_reload(window, found):
    page = window.open("/pages/reports")
    page.locator("body.is-live").wait_for()

    found.watcher.tell(found.watcher.stored("live.pdf", "live"))

    page.locator("#list").get_by_text("live.pdf").first.wait_for()


@pytest.mark.usefixtures("found")
def test_it_works_without_a_script(plain_window):
    page = plain_window.open("/pages")
    page.get_by_role("link", name="reports", exact=True).click()
    page.get_by_label("State").select_option("failed")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name="Try again autumn.pdf").click()

    page.get_by_text("The monitor will ask for the file again.").wait_for()
    assert "state=failed" in page.url
    page.get_by_role("link", name="autumn.pdf").first.click()
    page.get_by_role("heading", level=1, name="autumn.pdf").wait_for()


def test_the_overview_leads_to_each_source(window, found):
    page = window.open("/")

    def leads_to(region, name):
        link = page.get_by_role("region", name=region).get_by_role("link", name=name, exact=True)
        return link.get_attribute("href")

    assert leads_to("Mailboxes", "work") == "/mails?q=mailbox:work"
    assert leads_to("Pages", "reports") == "/pages/reports"
    assert leads_to("Scripts", "prices") == "/scripts/prices"
