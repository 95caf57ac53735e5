"""What an admin and a user do with users, in the browser."""

from tests.web.browser import text
from tests.web.world import PASSWORD


def test_an_admin_adds_changes_and_removes_users(window, world):
    world.add_user("boss", "admin")
    window.sign_in("boss", PASSWORD)
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


def test_what_is_wrong_stands_at_its_field(window, world):
    window.sign_in_by_token(world.admin_token)
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
    window.sign_in("ann", PASSWORD)
    page = window.open("/account")
    page.get_by_label("Password now").fill(PASSWORD)
    page.get_by_label("New password").fill("quite another one")
    window.press("Change password")
    assert "The password is changed" in text(page)

    window.sign_in("ann", "quite another one")
    assert page.get_by_role("heading", level=1).inner_text() == "Overview"
    window.press("Sign out")
    assert "You are signed out." in text(page)
