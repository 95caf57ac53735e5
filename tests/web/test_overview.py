"""The overview: what needs attention stands on top, what happens is seen without a reload."""

from api import activity
from api.log import events
from api.models import Alarm, Event
from api.telling import alarms
from tests.web.browser import text


def _fail(world, name):
    """As if the mailbox had failed for long."""
    with world.db.writing():
        events.tell("source.failing", name, error="the password was refused")
    alarms.follow(world.db)


def test_an_alarm_is_on_top_until_somebody_knows_of_it(window, world):
    _fail(world, "work")
    window.enter(world.admin_cookie())
    page = window.open("/")
    told = page.get_by_role("region", name="Needs attention")
    assert "the password was refused" in told.inner_text()

    window.press("I know source.failing work")

    assert "known" in told.inner_text()
    assert page.get_by_role("button", name="I know").count() == 0
    assert Alarm.get(Alarm.kind == "source.failing").acknowledged


def test_who_only_looks_is_not_asked_to_acknowledge(window, world):
    _fail(world, "office")

    page = window.open("/")

    assert page.get_by_role("region", name="Needs attention").is_visible()
    assert page.get_by_role("button", name="I know").count() == 0


def test_what_happens_is_seen_without_a_reload(window, world):
    page = window.open("/")
    page.locator("body.is-live").wait_for()
    before = page.locator("tr", has_text="prices").first.inner_text()
    assert "2 stored" in before

    with world.db.writing():
        events.tell("source.failing", "prices", url="https://example.org/", error="404 Not Found")
    alarms.follow(world.db)

    page.get_by_text("404 Not Found").first.wait_for()


def test_the_last_day_is_counted_by_the_hour(world):
    found = activity.read()

    told = Event.select().where(Event.kind == "mail.stored").count()
    assert sum(found.mails) == told
    assert found.mails[-1] + found.mails[-2] == told
    assert sum(found.volume) > 0
    assert sum(found.sources["page", "prices"]) == 2
    assert found.labels[-1] > found.labels[-2] or found.labels[-1] == "00:00"


def test_a_source_draws_what_it_brought(window):
    page = window.open("/")

    row = page.get_by_role("row", name="prices").first
    assert row.locator("svg title").text_content() == "prices, by the hour"
    assert "values from 0 to" in (row.locator("svg desc").text_content() or "")
    assert "In 24 hours: 5 mails, 2 files, 2 runs." in text(page)
