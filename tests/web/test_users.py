"""What an admin and a user do with users, in the browser."""

from tests.web.browser import text
from tests.web.world import PASSWORD


def test_an_admin_adds_changes_and_removes_users(window, world):
    window.enter(world.cookie("boss", "admin"))
    page = window.open("/settings/users")
    page.get_by_label("Name").fill("zoe")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Role").select_option("operator")
    window.press("Add user")
    assert "The user is added." in text(page)
    assert "zoe" in text(page)

    with page.expect_navigation():
        page.get_by_role("link", name="Manage zoe").click()
    page.get_by_label("Role").select_option("reader")
    window.press("Change role")
    assert "has to sign in again" in text(page)

    window.open("/settings/users/zoe")
    window.press("Remove zoe")
    assert "The user is removed." in text(page)
    assert [each["what"] for each in world.events("user.changed")][-3:] == [
        "added",
        "role",
        "removed",
    ]
    page.reload()
    assert "The user is removed." not in text(page)


def test_an_admin_gives_another_password(window, world):
    world.add_user("zoe", "reader")
    window.sign_in_by_token(world.admin_token)
    page = window.open("/settings/users/zoe")
    window.expected.add(400)
    page.get_by_label("New password").fill("short")
    window.press("Set password")
    assert "10 to 1000 characters" in page.locator("#password-wrong").inner_text()
    page.get_by_label("New password").fill("quite another one")
    window.press("Set password")
    assert "has to sign in again" in text(page)

    window.press("Sign out")
    window.sign_in("zoe", "quite another one")
    assert page.get_by_role("heading", level=1).inner_text() == "Overview"


def test_the_last_admin_is_neither_lowered_nor_removed(window, world):
    world.add_user("eve", "reader")
    window.enter(world.cookie("boss", "admin"))
    page = window.open("/settings/users/boss")
    window.expected.add(400)
    page.get_by_label("Role").select_option("reader")
    window.press("Change role")
    assert "last admin" in page.locator("#role-wrong").inner_text()
    window.press("Remove boss")
    assert "last admin" in page.locator("#role-wrong").inner_text()


def test_what_is_wrong_with_a_password_stands_at_its_field(window, world):
    world.add_user("ann", "reader")
    window.enter(world.cookie("ann", "reader"))
    page = window.open("/account")
    window.expected.update((400, 403))
    page.get_by_label("Password now").fill("a wrong one")
    page.get_by_label("New password").fill("quite another one")
    window.press("Change password")
    assert page.locator("#old-wrong").inner_text() == "This is not your password now."
    page.get_by_label("Password now").fill(PASSWORD)
    page.get_by_label("New password").fill("short")
    window.press("Change password")
    assert "10 to 1000 characters" in page.locator("#new-wrong").inner_text()


def test_a_token_that_may_not_do_everything_signs_nobody_in(window, world):
    window.expected.add(403)
    window.sign_in_by_token(world.scripter.runner["Authorization"].removeprefix("Bearer "))

    told = window.page.locator("#token-wrong").inner_text()
    assert told == "This token is not known, or may not do everything."
    assert window.page.get_by_label("Token").input_value() == ""


def test_what_is_wrong_stands_at_its_field(window, world):
    window.enter(world.admin_cookie())
    page = window.open("/settings/users")
    page.get_by_label("Name").fill("zoe")
    page.get_by_label("Password").fill("short")
    window.expected.add(400)
    window.press("Add user")

    field = page.get_by_label("Password")
    told = page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
    assert told == "A password has 10 to 1000 characters."
    assert page.get_by_label("Name").input_value() == "zoe"
    assert field.input_value() == ""


def test_a_user_takes_another_password(window, world):
    world.add_user("ann", "reader")
    window.enter(world.cookie("ann", "reader"))
    page = window.open("/account")
    page.get_by_label("Password now").fill(PASSWORD)
    page.get_by_label("New password").fill("quite another one")
    window.press("Change password")
    assert "The password is changed" in text(page)

    window.sign_in("ann", "quite another one")
    assert page.get_by_role("heading", level=1).inner_text() == "Overview"
    window.press("Sign out")
    assert "You are signed out." in text(page)
