"""Mails, found in a browser: by words, by filters, newest and best first, page by page."""

import pytest

from tests.long import one_in
from tests.web.browser import text
from tests.web.letters import Letters, letter, letters
from tests.web.world import PASSWORD


@pytest.fixture(autouse=True)
def _letters(world):
    letters(world)


def subjects(page) -> list[str]:
    return list(page.locator(".mail-subject").all_inner_texts())


def find(window, words: str):
    page = window.page
    page.get_by_label("Search").fill(words)
    window.press("Search")
    return page


def test_words_are_looked_for_and_marked_where_they_stand(window):
    window.open("/mails")
    page = find(window, "price -thanks from:bob")

    assert subjects(page) == ["Re: Price list"]
    assert "q=price" in page.url
    assert "was=" not in page.url
    row = page.locator(".mail")
    assert row.locator("mark").all_inner_texts() == ["Bob", "bob", "Price", "price"]
    assert row.locator(".mail-author").inner_text() == "Bob bob@example.org"


def test_the_best_come_first_when_asked_for(window):
    window.open("/mails?q=winter")
    page = window.page
    page.get_by_label("Order").select_option("best first")
    window.press("Search")

    assert "sort=rank" in page.url
    assert subjects(page)[0] == "Prices for the winter"
    assert page.get_by_label("Order").input_value() == "rank"
    assert page.locator(".mail-text", has_text="File:").locator("mark").inner_text() == "winter"


def test_best_first_without_a_word_is_newest_first(window):
    page = window.open("/mails")
    page.get_by_label("Order").select_option("best first")
    window.press("Search")

    assert "sort" not in page.url
    assert len(subjects(page)) > 5
    window.open("/mails?q=has:attachment&sort=rank", 400)
    assert page.get_by_label("Order").get_attribute("aria-invalid") == "true"


def test_filters_write_into_the_query_and_are_read_from_it(window):
    page = window.open("/mails?q=price")
    page.get_by_label("Mailbox").select_option("work")
    page.get_by_label("Folder").select_option("News")
    page.get_by_label("Since").fill("2026-11-24")
    page.get_by_label("Before").fill("2026-11-25")
    page.get_by_label("With").select_option("attachments")
    window.press("Search")

    said = "price mailbox:work folder:News after:2026-11-24 before:2026-11-25 has:attachment"
    assert page.get_by_label("Search").input_value() == said
    assert subjects(page) == ["Prices for the winter"]
    assert page.get_by_label("Folder").input_value() == "News"
    assert page.get_by_label("Since").input_value() == "2026-11-24"


def test_a_filter_that_is_taken_out_of_the_text_is_gone(window):
    page = window.open("/mails?q=price+folder:News")
    find(window, "price")

    assert page.get_by_label("Search").input_value() == "price"
    assert page.get_by_label("Folder").input_value() == ""
    assert len(subjects(page)) == 4


def test_what_is_no_query_is_told_where(window):
    window.open("/mails")
    window.expected.add(400)
    page = find(window, "lunch (friday")

    field = page.get_by_label("Search")
    told = page.locator(f"#{field.get_attribute('aria-describedby')}")
    assert told.inner_text() == "At character 7: this ( is not closed."
    assert field.input_value() == "lunch (friday"
    assert subjects(page) == []


def test_each_example_of_the_help_is_understood(window):
    page = window.open("/mails")
    page.get_by_text("What can be searched for").click()
    examples = page.locator(".help a")
    addresses = [each.get_attribute("href") for each in examples.all()]

    assert len(addresses) == 14
    for address in addresses:
        assert window.get(address).status == 200
    examples.first.click()
    page.wait_for_url("**/mails?q=price+list")
    assert len(subjects(page)) == 4


@pytest.mark.parametrize("query", one_in(2, ["subject:number", "subject:number&sort=rank"]))
def test_all_that_is_found_comes_page_by_page(window, world, query):
    if not world.caller.get("/v1/mails?q=subject:number")["items"]:
        date = "Mon, 5 Jan 2026 10:00:00 +0000"
        Letters(world.caller, "office").bring_all(
            letter(f"number {number}", "x", Date=date) for number in range(120)
        )
    page, seen = window.open(f"/mails?q={query}"), []
    for _ in range(3):
        seen += subjects(page)
        following = page.get_by_role("link", name="Next")
        if following.count():
            with page.expect_navigation():
                following.click()

    assert len(seen) == len(set(seen)) == 120
    assert page.get_by_role("link", name="Next").count() == 0
    with page.expect_navigation():
        page.get_by_role("link", name="Newest").click()
    assert subjects(page) == seen[:50]


def test_what_is_found_can_be_taken_along(window):
    page = window.open("/mails?q=from:bob")
    with page.expect_download() as got:
        page.get_by_role("link", name="mbox").click()

    assert "Bob <bob@example.org>" in got.value.path().read_text()


def test_a_row_leads_to_its_mail_and_a_mailbox_to_its_mails(window):
    page = window.open("/")
    page.get_by_role("link", name="work", exact=True).click()
    page.wait_for_url("**/mails?q=mailbox:work")
    page.locator(".mail", has_text="Thanks!").click()

    page.wait_for_url("**/mails/*")
    assert page.get_by_role("heading", level=1).inner_text() == "Re: Price list"
    window.open("/settings/mailboxes")
    page.get_by_role("link", name="office", exact=True).click()
    page.wait_for_url("**/mails?q=mailbox:office")


def test_new_mail_comes_by_itself(window, world):
    page = window.open("/mails")
    page.locator("body.is-live").wait_for()

    Letters(world.caller, "office").bring(
        letter("Just arrived", "x", Date="Wed, 1 Jan 2070 10:00:00")
    )

    page.get_by_text("Just arrived").wait_for()


def test_everything_works_without_a_script(plain_window):
    page = plain_window.open("/mails")
    page.get_by_label("Search").fill("price")
    page.get_by_label("Mailbox").select_option("work")
    plain_window.press("Search")
    assert "mailbox:work" in page.get_by_label("Search").input_value()
    with page.expect_navigation():
        page.get_by_role("link", name="Prices for the winter").click()

    frame = page.frame_locator("iframe")
    assert frame.get_by_text("See all prices").is_visible()
    plain_window.absent.add("https://track.example.org/open.gif?id=77")
    with page.expect_navigation():
        page.get_by_role("link", name="Load pictures").click()
    assert "Pictures are loaded" in text(page)


def test_a_reader_reads_and_who_has_not_signed_in_is_asked_to(window, world):
    id_ = letters(world)["newsletter"]
    world.add_user("eve", "reader")
    for path in ("/mails", f"/mails/{id_}", f"/mails/{id_}/html", f"/mails/{id_}/source"):
        assert "/login?next=/mails" in window.get(path).url

    window.sign_in("eve", PASSWORD)
    page = window.open(f"/mails/{id_}")
    assert page.frame_locator("iframe").get_by_text("See all prices").is_visible()
    with page.expect_download() as got:
        page.get_by_role("link", name="price list winter.pdf").click()
    assert got.value.path().read_bytes() == b"%PDF-1.4 prices"
