"""Each page can be used by everybody: both themes, a phone, the keyboard, a screen reader."""

import pytest

from tests.web.screenshots import PAGES
from tests.web.world import PASSWORD


@pytest.mark.parametrize("name", PAGES)
def test_each_page_looks_as_it_should(window, world, name):
    PAGES[name](window, world)
    window.look(name)


def test_a_chosen_theme_counts_more_than_the_systems(window):
    page = window.open("/")
    page.get_by_label("Colours").select_option("dark")
    window.press("Set")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 23, 27)"
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_first_tab_leads_past_the_navigation(window):
    page = window.open("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash === '#content'")

    assert page.evaluate("document.activeElement.id") == "content"


def test_the_pages_work_without_a_script(plain_window, world):
    world.add_user("ann", "reader")
    plain_window.sign_in("ann", PASSWORD)

    page = plain_window.page
    assert page.get_by_role("heading", level=1).inner_text() == "Overview"
