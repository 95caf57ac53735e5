"""When pages are looked at: by their clocks, soon after the start, never twice at once."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor import schedule
from monitor.pages import Page
from monitor.pool import Pool
from monitor.schedule import Schedule, weekdays
from tests.waiting import wait_until

URL = "https://example.org/"


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(2, "look")
    yield made
    made.close(5)


@pytest.fixture
def clock(pool: Pool) -> Iterator[Schedule]:
    made = Schedule(pool)
    yield made
    made.close()


def page(**more: Any) -> Page:
    return Page(name="docs", url=URL, **more)


def test_the_first_look_is_at_once_and_the_next_by_the_interval(clock):
    looks: list[float] = []
    clock.add("docs", page(interval_seconds=3600), lambda: looks.append(clock.next_look("docs")))
    clock.start()

    wait_until(lambda: looks, 5, "the first look")

    (due,) = looks
    assert 3500 < due <= 3600 + schedule.MOST_JITTER


def test_looks_come_again_and_again(clock):
    looks: list[int] = []
    clock.add("docs", page(interval_seconds=0.1), lambda: looks.append(1))
    clock.start()

    wait_until(lambda: len(looks) >= 3, 10, "three looks")


def test_a_failing_page_is_looked_at_before_its_time(clock):
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        clock.within("docs", 0.1)

    clock.add("docs", page(interval_seconds=3600), look)
    clock.start()

    wait_until(lambda: len(looks) >= 2, 10, "the second look")


def test_a_pause_never_puts_a_look_off(clock):
    clock.add("docs", page(interval_seconds=3600), lambda: None)

    clock.within("docs", 7200)

    assert clock.next_look("docs") < 3600


def test_a_look_is_never_doubled_and_a_wish_during_it_is_not_lost(pool):
    wanted, going_on, begun = threading.Event(), threading.Event(), threading.Event()
    running: list[int] = []
    most: list[int] = []

    def look() -> None:
        running.append(1)
        most.append(len(running))
        begun.set()
        assert going_on.wait(10)
        running.pop()

    def again(name: str) -> bool:
        is_wanted = wanted.is_set()
        wanted.clear()
        return is_wanted

    clock = Schedule(pool, again)
    clock.add("docs", page(interval_seconds=3600), look)
    clock.start()
    assert begun.wait(5)
    wanted.set()
    clock.within("docs")
    # The scheduler passes over it, as the look is still under way.
    wait_until(lambda: clock.next_look("docs") > 60, 5, "the scheduler")
    going_on.set()

    wait_until(lambda: len(most) == 2, 10, "the look that was asked for")
    clock.close()
    assert set(most) == {1}


def test_a_look_that_fails_does_not_end_the_clock(clock, caplog):
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        raise ValueError("boom")

    clock.add("docs", page(interval_seconds=0.1), look)
    clock.start()

    wait_until(lambda: len(looks) >= 2, 10, "another look")


def fires(line: str, after: datetime, zone: str = "UTC") -> datetime:
    trigger = schedule._trigger(page(cron=line, time_zone=zone))
    moment: datetime = trigger.get_next_fire_time(None, after)
    return moment


#: A Wednesday.
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "due"),
    [
        ("30 8 * * *", "2026-07-02 08:30"),
        ("0 0 * * 0", "2026-07-05 00:00"),
        ("0 0 * * 7", "2026-07-05 00:00"),
        ("0 0 * * mon", "2026-07-06 00:00"),
        ("0 0 * * 6-7", "2026-07-04 00:00"),
        ("0 0 15 * *", "2026-07-15 00:00"),
        # crontab(5): where both are given, either counts.
        ("0 0 15 * fri", "2026-07-03 00:00"),
        ("*/20 12 * * *", "2026-07-01 12:00"),
    ],
)
def test_a_cron_line_means_what_crontab_says(line, due):
    assert fires(line, NOW).strftime("%Y-%m-%d %H:%M") == due


def test_a_cron_line_is_read_in_the_time_zone_of_the_page():
    due = fires("0 9 * * *", NOW, "Europe/Berlin")

    assert due.astimezone(UTC) == datetime(2026, 7, 2, 7, 0, tzinfo=UTC)
    assert due.utcoffset() == datetime(2026, 7, 2, tzinfo=ZoneInfo("Europe/Berlin")).utcoffset()


@pytest.mark.parametrize("line", ["30 2 * * *", "*/20 * * * *", "30 2 * * sun"])
@pytest.mark.parametrize(
    "night", [datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)]
)
def test_a_clock_goes_on_in_the_nights_of_daylight_saving_time(line, night):
    trigger = schedule._trigger(page(cron=line, time_zone="Europe/Berlin"))
    times = [trigger.get_next_fire_time(None, night)]
    for _ in range(8):
        times.append(trigger.get_next_fire_time(times[-1], night))

    moments = [each.astimezone(UTC) for each in times]
    assert all(a < b for a, b in pairwise(moments))


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("*", "sun,mon,tue,wed,thu,fri,sat"),
        ("1-5", "mon,tue,wed,thu,fri"),
        ("0-2", "sun,mon,tue"),
        ("5-7", "sun,fri,sat"),
        ("*/2", "sun,tue,thu,sat"),
        ("sat,sun", "sun,sat"),
        ("mon-fri/2", "mon,wed,fri"),
    ],
)
def test_days_of_the_week_are_counted_as_crontab_does(field, days):
    assert weekdays(field) == days
