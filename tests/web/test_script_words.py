"""Scripts and runs in words and pictures."""

from xml.etree import ElementTree as ET

import msgspec
import pytest

from api.rest import scripted
from api.web import runchart, scriptforms, scriptlook

SCRIPT = scripted.Script(
    name="prices", description="", enabled=True, origin="api", gone=None, version=1, arguments={},
    secrets=[], seconds=60, megabytes=512, network=False, scheduled_time=None, repeat_after=0,
    cron="", time_zone="UTC", on_mail="", on_file="", overlap="skip", missed="once", retries=0,
    keep_runs=0, keep_days=0, keep_megabytes=0, planned="2026-01-01T00:00:00.000Z", last_run=None,
    created="", changed="",
)  # fmt: skip
RUN = scripted.Run(
    id=1, script="prices", version=1, time="2026-01-01T08:00:00.000Z", status="completed",
    phase=None, trigger={"kind": "hand"}, arguments={}, mail=None, file=None, due=None, attempt=1,
    worker="", stop=False, started=None, ended=None, duration=2.0, exit_code=0, error="",
    isolation="none", dead_letters=0, output=None, artefacts=[],
    log=scripted.LogSizes(out=0, err=0), changed="",
)  # fmt: skip


def script(**more):
    return msgspec.structs.replace(SCRIPT, **more)


def run(**more):
    return msgspec.structs.replace(RUN, **more)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, []),
        ({"cron": "0 6 * * *", "time_zone": "Asia/Tokyo"},
         ["by the clock: 0 6 * * * (Asia/Tokyo)"]),
        ({"scheduled_time": "2026-01-01T08:00:00.000Z", "repeat_after": 90.0},
         ["every 90 seconds"]),
        ({"scheduled_time": "2026-01-01T08:00:00.000Z", "repeat_after": 86_400.0}, ["every day"]),
        ({"scheduled_time": "2026-01-01T08:00:00.000Z"}, ["once, 2026-01-01 08:00 UTC"]),
        ({"on_mail": "*", "on_file": "*"}, ["on each mail", "on each file"]),
        ({"on_mail": "from:a", "on_file": "p"}, ["on mails that match from:a", "on files of p"]),
    ],
)  # fmt: skip
def test_triggers_are_told_in_words(more, words):
    assert scriptlook.triggers(script(**more)) == words


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ({"kind": "hand"}, "by hand"),
        ({"kind": "clock", "slot": "2026-01-01T08:00:00.000Z"}, "clock, 2026-01-01 08:00"),
        ({"kind": "clock", "slot": "2026-01-01T08:00:00.000Z", "late": True},
         "clock, 2026-01-01 08:00, late"),
        ({"kind": "mail"}, "mail 7"),
        ({"kind": "file"}, "file 8"),
        ({"kind": "retry", "of": 3}, "again as run 3"),
    ],
)  # fmt: skip
def test_the_reason_of_a_run_is_told_in_words(trigger, words):
    assert scriptlook.reason(run(trigger=trigger, mail=7, file=8)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0, "0.0 s"), (59.94, "59.9 s"), (59.97, "1 min 0 s"), (60, "1 min 0 s"),
     (3_599.7, "1 h 0 min"), (3_700, "1 h 1 min")],
)  # fmt: skip
def test_how_long_a_run_took_is_told_in_words(seconds, words):
    assert scriptlook.took(seconds) == words


@pytest.mark.parametrize(
    ("more", "next_one"),
    [({}, ""), ({"cron": "0 6 * * *", "enabled": False}, ""),
     ({"scheduled_time": "2020-01-01T08:00:00.000Z"}, ""),
     ({"scheduled_time": "2099-01-01T08:00:00.000Z"}, "2099-01-01T08:00")],
)  # fmt: skip
def test_the_next_slot_is_that_of_a_clock_that_goes(more, next_one):
    assert scriptlook.next_slot(script(**more))[:16] == next_one


@pytest.mark.parametrize(
    ("seconds", "pause"),
    [(0, ("", "hours")), (90, ("90", "seconds")), (5_400, ("90", "minutes")),
     (172_800, ("2", "days")), (1.5, ("1.5", "seconds")), (1_234_567, ("1234567", "seconds"))],
)  # fmt: skip
def test_a_pause_is_shown_in_its_largest_whole_unit(seconds, pause):
    assert scriptforms.pause_of(script(repeat_after=seconds)) == pause


@pytest.mark.parametrize("value", [0, 60, 0.1, 12_345.678, 1e9, 999_999_999.5, 1e-7, 60.0])
def test_a_number_in_a_field_is_the_same_when_it_is_saved_again(value):
    assert float(scriptlook.exact(value)) == value
    assert "e" not in scriptlook.exact(value)


def test_runs_are_drawn_by_shape_and_told_by_number():
    runs = [run(), run(id=2, status="error", duration=4.0),
            run(id=3, status="pending", phase="waiting", duration=None)]  # fmt: skip
    for drawn in (runchart.strip(runs, "<b>", "a"), runchart.durations(runs, "<b>", "a")):
        svg = ET.fromstring(drawn)  # noqa: S314 - what we drew ourselves
        shapes = [each.attrib["class"] for each in svg.iter() if "is-" in each.get("class", "")]
        assert shapes == ["is-good", "is-bad", "is-open"]
        assert svg[1].text == "3 runs: 1 completed, 1 with an error, 1 not over"
        assert "style" not in drawn


def test_no_runs_are_an_empty_picture():
    assert "no values" in runchart.durations([], "", "a")
    assert "no values" in runchart.strip([], "", "a")
