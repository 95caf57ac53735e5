"""Scripts in the browser: made, changed, switched, run and deleted."""

import pytest

from api.models import Run, Script
from tests.web.browser import text
from tests.web.workshop import NASTY, SOURCE, workshop

WRONG = "import csv\n\ndef total(:\n    pass\n"


@pytest.fixture
def admin(window, world):
    workshop(world)
    window.enter(world.cookie("admin", "admin"))
    return window


def script(name: str) -> Script:
    found: Script = Script.get(Script.name == name)
    return found


def test_a_script_is_made_of_a_file(admin, world):
    page = admin.open("/scripts")
    page.get_by_role("link", name="New script").click()
    page.get_by_label("Name").fill("totals")
    page.get_by_label("Choose a file").set_input_files(
        {"name": "totals.py", "mimeType": "text/x-python",
         "buffer": "\ufeffprint('é')\r\n".encode()}
    )  # fmt: skip
    admin.press("Make the script")

    assert page.url.endswith("/scripts/totals/settings")
    assert "The script is there: say when it runs." in text(page)
    told = world.scripter.get("/v1/scripts/totals/source")
    assert told["source"] == "print('é')\n"
    assert world.events("script.changed")[-1] == {"by": "admin", "version": 1, "changed": ["new"]}


def test_a_file_that_is_no_text_is_refused_at_its_field(admin):
    page = admin.open("/new-script")
    admin.expected.add(400)
    page.get_by_label("Name").fill("binary")
    page.get_by_label("Choose a file").set_input_files(
        {"name": "a.py", "mimeType": "text/plain", "buffer": b"\xff\xfe"}
    )
    admin.press("Make the script")

    assert page.locator("#file-wrong").inner_text() == "A.py is not text in UTF-8."
    assert page.get_by_label("Name").input_value() == "binary"


def test_what_is_wrong_with_a_new_script_stands_at_its_field(admin):
    page = admin.open("/new-script")
    admin.expected.update((400, 409))
    for name, source, field, wrong in (
        ("totals", WRONG, "Source", 'line 3: invalid syntax: "def total(:"'),
        ("orders", "pass", "Name", "There is a script 'orders' already"),
        ("a b", "pass", "Name", "Take letters, digits"),
    ):
        page.get_by_label("Name").fill(name)
        page.get_by_label("Source").fill(source)
        admin.press("Make the script")
        assert wrong in told_at(page.get_by_label(field))
        assert page.get_by_label("Name").input_value() == name
        assert page.get_by_label("Source").input_value() == source


def told_at(field) -> str:
    """What is said to be wrong at a field."""
    assert field.get_attribute("aria-invalid") == "true"
    found: str = field.page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
    return found


def test_a_source_is_edited_and_what_does_not_compile_is_kept_in_the_field(admin, world):
    before = script("orders").version
    page = admin.open("/scripts/orders/source")
    admin.expected.add(400)
    page.get_by_label("Source").fill(WRONG)
    admin.press("Save as the next version")
    assert "line 3: invalid syntax" in page.locator("#source-wrong").inner_text()
    assert page.get_by_label("Source").input_value() == WRONG
    assert script("orders").version == before

    edited = f'{SOURCE}print("""{NASTY}""")\n'
    page.get_by_label("Source").fill(edited)
    admin.press("Save as the next version")
    assert "This is the version in use now." in text(page)
    assert page.get_by_label("Source").input_value() == edited
    admin.press("Save as the next version")
    assert "Nothing differs: the version stays." in text(page)

    page.get_by_role("link", name=f"Version {before + 1}").click()
    changes = page.get_by_role("region", name="What it changed").last
    assert f'print("""{NASTY}""")' in changes.inner_text()
    assert NASTY in page.get_by_role("region", name="The whole source").last.inner_text()
    untouched(page)
    world.scripter.put("/v1/scripts/orders/source", {"source": SOURCE})


def untouched(page) -> None:
    """Nothing that a script wrote became a part of the page."""
    assert page.locator("img[onerror], main script:not([src])").count() == 0
    assert page.title() != "taken"


def test_all_settings_are_changed_on_one_page(admin, world):
    world.scripter.script("nightly")
    page = admin.open("/scripts/nightly/settings")
    page.get_by_label("Description").fill(NASTY)
    page.get_by_label("Arguments").fill('{"city": "Oslo"}')
    page.get_by_label("It may use the network").check()
    page.get_by_label("Secrets").fill("shop_token\nother")
    for label, value in (("Seconds", "2,5"), ("Memory (MB)", "64"), ("Tries after an error", "3"),
                         ("Newest runs", "10"), ("Days", "1.5"), ("Megabytes", "20")):  # fmt: skip
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Clock", exact=True).select_option("cron")
    page.get_by_label("Cron line").fill("0 6 * * mon-fri")
    page.get_by_label("Time zone").fill("Europe/Paris")
    page.get_by_label("When it still runs").select_option("queue")
    page.get_by_label("Slots that were missed").select_option("all")
    page.get_by_label("Each mail that this search finds").fill("from:ann")
    page.get_by_label("Each new or changed file of").select_option("prices")
    admin.press("Save settings")

    assert "The settings are saved." in text(page)
    told = world.scripter.get("/v1/scripts/nightly")
    expected = {
        "description": NASTY, "arguments": {"city": "Oslo"}, "network": True, "enabled": True,
        "secrets": ["shop_token", "other"], "seconds": 2.5, "megabytes": 64, "retries": 3,
        "keep_runs": 10, "keep_days": 1.5, "keep_megabytes": 20, "cron": "0 6 * * mon-fri",
        "time_zone": "Europe/Paris", "overlap": "queue", "missed": "all", "on_mail": "from:ann",
        "on_file": "prices",
    }  # fmt: skip
    assert {name: told[name] for name in expected} == expected
    for each in (NASTY, "by the clock: 0 6 * * mon-fri (Europe/Paris)", "on files of prices",
                 "on mails that match from:ann", "shop_token other", "2.5 s, 64 MB"):  # fmt: skip
        assert each in text(page)
    untouched(page)


def test_a_clock_asks_for_what_it_needs_and_for_nothing_else(admin, world):
    world.scripter.script("hourly")
    page = admin.open("/scripts/hourly/settings")
    assert not page.get_by_label("Cron line").is_visible()
    page.get_by_label("Clock", exact=True).select_option("repeat")
    page.get_by_label("First time").fill("2027-01-01T08:00")
    page.get_by_label("Again after").fill("2")
    page.get_by_label("Unit").select_option("hours")
    assert not page.get_by_label("Cron line").is_visible()
    admin.press("Save settings")

    assert "every 2 hours" in text(page)
    told = world.scripter.get("/v1/scripts/hourly")
    assert (told["scheduled_time"][:16], told["repeat_after"]) == ("2027-01-01T08:00", 7200)
    page = admin.open("/scripts/hourly/settings")
    assert page.get_by_label("First time").input_value() == "2027-01-01T08:00"
    assert page.get_by_label("Again after").input_value() == "2"


def test_what_is_wrong_with_settings_stands_at_each_field_and_nothing_is_lost(admin):
    page = admin.open("/scripts/orders/settings")
    admin.expected.add(400)
    wrong = {"Arguments": "[1]", "Secrets": "no-good", "Seconds": "0", "Memory (MB)": "many",
             "Cron line": "61 * * * *", "Time zone": "Mars/Base",
             "Each mail that this search finds": '"open'}  # fmt: skip
    for label, value in wrong.items():
        page.get_by_label(label, exact=True).fill(value)
    admin.press("Save settings")
    for label, value in wrong.items():
        field = page.get_by_label(label, exact=True)
        assert field.get_attribute("aria-invalid") == "true", label
        assert field.input_value() == value
    assert page.locator("main .wrong").count() == len(wrong)
    assert script("orders").arguments == {"currency": "EUR", "least": 5}


def test_a_script_is_switched_off_and_on(admin):
    page = admin.open("/scripts/orders")
    admin.press("Disable")
    assert "The script is disabled: it runs by hand only." in text(page)
    assert not script("orders").enabled
    assert page.locator(".mark-off").inner_text() == "Off"

    admin.press("Enable")
    assert "The script is enabled." in text(page)
    assert script("orders").enabled


def test_a_script_is_run_with_arguments_over_a_mail(admin, world):
    page = admin.open("/scripts/orders")
    page.get_by_label("Arguments").fill('{"least": 7}')
    page.get_by_label("Mail (its number)").fill("3")
    admin.press("Run now")

    id_ = int(page.url.rpartition("/")[2])
    told = world.scripter.shown(id_)
    assert (told["arguments"], told["mail"]) == ({"currency": "EUR", "least": 7}, 3)
    assert world.events("run.asked")[-1] == {"by": "admin", "run": id_}
    assert '"least": 7' in text(page)
    world.scripter.post(f"/v1/runs/{id_}/stop", {})


def test_a_form_that_is_sent_twice_is_one_run(admin):
    page, runs = admin.open("/scripts/prices"), Run.select().count()
    form = page.locator("form[action$='/run']")
    fields = {name: form.locator(f"[name={name}]").input_value() for name in ("csrf", "key")}
    first, second = (
        page.request.post(f"{admin.address}/scripts/prices/run", form=fields) for _ in range(2)
    )

    assert first.ok
    assert first.url == second.url
    assert Run.select().count() == runs + 1
    admin.open(first.url.removeprefix(admin.address))
    admin.press("Stop")


def test_what_cannot_be_run_is_told_at_its_field(admin):
    runs, mail, file = Run.select().count(), "Mail (its number)", "File (its number)"
    page = admin.open("/scripts/orders")
    admin.expected.update((400, 404))
    for arguments, number, at, wrong in (
        ("{", "", "Arguments", "This is not JSON"),
        ("[]", "", "Arguments", "Write a JSON object"),
        ("", "9" * 5000, mail, "This is no number"),
        ("", "99999", mail, "There is no mail 99999"),
        ("", "99999", file, "There is no file 99999"),
    ):
        page.get_by_label("Arguments").fill(arguments)
        page.get_by_label(mail).fill(number if at == mail else "")
        page.get_by_label(file).fill(number if at == file else "")
        admin.press("Run now")
        assert wrong in told_at(page.get_by_label(at))
        assert page.get_by_label(at).input_value() == arguments + number
    assert Run.select().count() == runs


def test_a_script_is_deleted_once_its_name_is_typed(admin, world):
    world.scripter.script("old")
    world.scripter.done("old", output="1")
    page = admin.open("/scripts/old/settings")
    page.get_by_role("link", name="Delete this script").click()
    admin.expected.add(400)
    page.get_by_label("Type its name").fill("orders")
    admin.press("Delete for good")
    assert page.locator("#name-wrong").inner_text() == "This is not its name."
    assert Script.select().where(Script.name == "old").exists()

    page.get_by_label("Type its name").fill("old")
    admin.press("Delete for good")
    assert "The script is deleted." in text(page)
    assert page.get_by_role("link", name="old").count() == 0
    assert world.events("script.changed")[-1]["changed"] == ["deleted"]


def test_a_reader_sees_scripts_and_no_button(window, world):
    shop = workshop(world)
    window.enter(world.cookie("eve", "reader"))
    pages = ["/scripts", "/scripts/orders", "/scripts/orders/source", "/scripts/orders/replays",
             f"/runs/{shop.first}", f"/replays/{shop.replays[0]}"]  # fmt: skip
    for path in pages:
        main = window.get(path).text().partition("<main")[2].partition("</main>")[0]
        assert "<h1" in main, path
        assert 'method="post"' not in main, path
        assert "<textarea" not in main, path
    page = window.open("/scripts/orders")
    assert "Operators and admins may run it." in text(page)
    assert page.get_by_role("link", name="Settings").count() == 0


def test_an_operator_runs_what_an_admin_changes(window, world):
    workshop(world)
    window.enter(world.cookie("bob", "operator"))
    page = window.open("/scripts/orders")

    buttons = page.locator("main").get_by_role("button").all_inner_texts()
    assert buttons == ["Run now"]
    page = window.open("/scripts/orders/source")
    assert page.locator("main").get_by_role("button").count() == 0
    window.open("/scripts/orders/settings", 403)


def test_a_script_of_a_folder_is_not_edited_here(admin, world):
    world.scripter.script("kept")
    with world.db.writing():
        Script.update(origin="folder").where(Script.name == "kept").execute()
    page = admin.open("/scripts/kept/source")

    assert "This script is a file in a runner's folder: change it there." in text(page)
    assert page.get_by_role("button", name="Save").count() == 0
