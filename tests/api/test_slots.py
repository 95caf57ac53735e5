"""Slots: each moment of a script's clock is a row once, and runs, is late, skipped or missed."""

import pytest

from api.models import Run, Slot
from tests.api.scripter import Scripter, ago, events


def shown(scripter: Scripter) -> list[str]:
    return [item["state"] for item in scripter.get("/v1/scripts/prices/slots")["items"]]


def test_a_slot_on_time_runs_once_whoever_tells_it(scripter: Scripter) -> None:
    scripter.script(cron="* * * * *", arguments={"a": 1})
    scripter.planned("prices", minutes=1)
    slot = ago(seconds=2)

    assert scripter.slots(slot) == ["run"]
    assert scripter.slots(slot, slot) == ["run", "run"]

    (run,) = scripter.claim()
    assert run.trigger == {"kind": "clock", "slot": slot, "late": False}
    assert run.arguments == {"a": 1}
    assert Run.select().count() == Slot.select().count() == 1
    assert scripter.get("/v1/scripts/prices/slots")["items"][0]["run"] == run.run


@pytest.mark.parametrize(
    ("rule", "states"),
    [
        ("once", ["missed", "missed", "late"]),
        ("all", ["late", "late", "late"]),
        ("skip", ["missed", "missed", "missed"]),
    ],
)
def test_what_was_missed_runs_as_the_rule_says(
    scripter: Scripter, rule: str, states: list[str]
) -> None:
    scripter.script(cron="0 * * * *", missed=rule, overlap="allow")
    scripter.planned("prices", hours=4)

    assert scripter.slots(ago(hours=3), ago(hours=2), ago(hours=1)) == states

    assert len(scripter.claim(most=10)) == states.count("late")
    told = [told["missed"] for told in events("slot.")]
    assert told == ([states.count("missed")] if "missed" in states else [])


def test_a_slot_on_time_makes_up_for_those_before(scripter: Scripter) -> None:
    scripter.script(cron="* * * * *")
    scripter.planned("prices", hours=1)

    assert scripter.slots(ago(minutes=20), ago(minutes=10), ago(seconds=1)) == [
        "missed", "missed", "run",
    ]  # fmt: skip


@pytest.mark.parametrize(("overlap", "state"), [("skip", "skipped"), ("queue", "run")])
def test_a_slot_while_the_run_before_goes_on(scripter: Scripter, overlap: str, state: str) -> None:
    scripter.script(cron="* * * * *", overlap=overlap)
    scripter.planned("prices", minutes=1)
    first, second = ago(seconds=9), ago(seconds=3)
    scripter.slots(first)
    (run,) = scripter.claim()
    scripter.planned("prices", seconds=9)

    assert scripter.slots(second) == [state]
    assert scripter.claim() == []
    scripter.finish(run)
    assert len(scripter.claim()) == (state == "run")
    assert shown(scripter) == [state, "run"]


def test_what_lies_before_a_change_of_the_clock_is_not_made(scripter: Scripter) -> None:
    scripter.script(cron="* * * * *")
    scripter.planned("prices", hours=1)
    scripter.put("/v1/scripts/prices", {"cron": "0 6 * * *"})

    assert scripter.slots(ago(minutes=30)) == ["missed"]
    assert shown(scripter) == []


def test_slots_are_known_up_to_what_was_told(scripter: Scripter) -> None:
    scripter.script(cron="* * * * *")
    scripter.planned("prices", hours=1)

    scripter.slots()

    assert scripter.get("/v1/scripts/prices")["planned"] > ago(minutes=1)


def test_a_disabled_script_has_no_slots(scripter: Scripter) -> None:
    scripter.script(cron="* * * * *", enabled=False)
    scripter.planned("prices", minutes=1)

    assert scripter.slots(ago(seconds=1)) == ["missed"]
    assert shown(scripter) == []


def test_a_slot_that_lies_ahead_is_refused(scripter: Scripter) -> None:
    scripter.script(cron="* * * * *")
    for slot in (ago(hours=-1), "soon"):
        told = {"slots": [slot], "until": ago(seconds=0)}
        assert scripter.tell("/v1/scripts/prices/slots", told, 400)["code"] == "bad_time"
    scripter.tell("/v1/scripts/none/slots", {"slots": [], "until": ago(seconds=0)}, 404)
