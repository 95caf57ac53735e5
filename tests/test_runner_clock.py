"""When clocks strike: nights of daylight saving time, weekdays, what a runner slept through."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.clock import Clock, Cron, Repeating, clock_of
from postroom.runs import MAX_SLOTS, Schedule

ZONE = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def struck(clock: Clock, after: str, until: str) -> list[str]:
    return [slot.strftime("%d %H:%M") for slot in clock.slots(at(after), at(until))]


@pytest.mark.parametrize(
    ("line", "slots"),
    [
        # From 2:00 the clock is put to 3:00: half past two is half past three.
        ("30 2 * * *", ["28 01:30", "29 01:30", "30 00:30"]),
        ("0 6 * * *", ["28 05:00", "29 04:00", "30 04:00"]),
    ],
)
def test_in_the_night_without_an_hour_a_daily_slot_is_not_lost(line: str, slots: list[str]):
    assert struck(Cron(line, ZONE), "2026-03-28", "2026-03-30T12:00") == slots


@pytest.mark.parametrize(
    ("line", "slots"),
    [
        # From 3:00 the clock is put to 2:00: half past two comes twice, and strikes once.
        ("30 2 * * *", ["24 00:30", "25 00:30", "26 01:30"]),
        ("0 6 * * *", ["24 04:00", "25 05:00", "26 05:00"]),
    ],
)
def test_in_the_night_with_an_hour_twice_a_daily_slot_comes_once(line: str, slots: list[str]):
    assert struck(Cron(line, ZONE), "2026-10-24", "2026-10-26T12:00") == slots


@pytest.mark.parametrize("night", ["2026-03-28T22:00", "2026-10-24T22:00"])
def test_every_half_hour_is_every_half_hour_in_both_nights(night: str):
    slots = Cron("*/30 * * * *", ZONE).slots(at(night), at(night) + timedelta(hours=8))

    assert len(slots) == 16
    assert {b - a for a, b in pairwise(slots)} == {timedelta(minutes=30)}


def test_the_days_of_the_week_are_those_of_crontab():
    sundays = struck(Cron("0 0 * * 0", "UTC"), "2026-11-01T12:00", "2026-11-30")
    assert sundays == struck(Cron("0 0 * * 7", "UTC"), "2026-11-01T12:00", "2026-11-30")
    assert sundays == ["08 00:00", "15 00:00", "22 00:00", "29 00:00"]
    assert struck(Cron("0 0 * * 1-5", "UTC"), "2026-11-06", "2026-11-09") == ["09 00:00"]


def test_either_of_two_fields_of_days_is_enough():
    found = struck(Cron("0 0 13 * FRI", "UTC"), "2026-11-01", "2026-11-15")
    assert found == ["06 00:00", "13 00:00"]
    assert struck(Cron("0 0 14 * 5", "UTC"), "2026-11-10", "2026-11-15") == ["13 00:00", "14 00:00"]


def test_a_date_that_never_comes_has_no_slots():
    assert Cron("0 0 30 2 *", "UTC").next(at("2026-01-01")) is None


def test_a_clock_repeats_from_its_scheduled_time_on():
    clock = Repeating(at("2026-11-01T06:00"), 6 * 3600)

    assert struck(clock, "2026-10-01", "2026-11-01T18:30") == ["01 06:00", "01 12:00", "01 18:00"]
    assert clock.next(at("2026-11-01T06:00")) == at("2026-11-01T12:00")


def test_a_clock_without_repetition_strikes_once():
    clock = Repeating(at("2026-11-01T06:00"), 0)

    assert struck(clock, "2026-10-01", "2026-12-01") == ["01 06:00"]
    assert struck(clock, "2026-11-01T06:00", "2026-12-01") == []
    assert clock.next(at("2026-11-01T06:00")) is None


@pytest.mark.parametrize(
    "clock", [Repeating(at("2020-01-01"), 1), Cron("* * * * *", ZONE)], ids=["seconds", "minutes"]
)
def test_of_years_that_were_slept_through_the_newest_slots_are_told(clock: Clock):
    slots = clock.slots(at("2020-01-01"), at("2026-11-01"))

    assert len(slots) == MAX_SLOTS
    assert slots[-1] == at("2026-11-01")


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - made UTC below
    st.sampled_from(["*/7 * * * *", "30 2 * * *", "15 1-3 * * sun", "0 0 31 * 3", "5 * 25 10 *"]),
)
def test_slots_go_on_whatever_moment_one_looks_from(moment: datetime, line: str):
    clock = Cron(line, ZONE)
    first = moment.replace(tzinfo=UTC)
    chain = [first]
    for _ in range(12):
        found = clock.next(chain[-1])
        assert found is not None
        chain.append(found)

    assert all(a < b for a, b in pairwise(chain))
    assert list(islice(clock.slots(first, chain[-1]), 12)) == chain[1:]


def test_what_is_disabled_or_has_no_clock_never_strikes():
    off = Schedule(name="a", enabled=False, planned="2026-01-01T00:00:00Z", cron="* * * * *")
    none = Schedule(name="a", enabled=True, planned="2026-01-01T00:00:00Z")

    assert (clock_of(off), clock_of(none)) == (None, None)
