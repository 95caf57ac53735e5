"""Scripts: made, changed, versioned, taken up from a folder; what is no Python is refused."""

from typing import Any

import pytest

from api.models import Run, RunLog, Script, ScriptVersion, Slot, Task
from api.rest.scripted import Script as ShownScript
from tests.api.scripter import SOURCE, Scripter, ago, events


def test_a_script_has_its_settings_and_its_source(scripter: Scripter) -> None:
    made = scripter.script(description="Prices", cron="*/5 8-18 * * mon-fri", retries=2)

    shown = scripter.get("/v1/scripts/prices")
    assert shown == {**made, "last_run": None}
    assert (shown["version"], shown["origin"], shown["enabled"]) == (1, "api", True)
    assert (shown["overlap"], shown["missed"], shown["seconds"]) == ("skip", "once", 60.0)
    assert scripter.get("/v1/scripts/prices/source")["source"] == SOURCE
    assert [item["name"] for item in scripter.get("/v1/scripts")["items"]] == ["prices"]


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("a = 1\nb = = 2\n", 'line 2: invalid syntax: "b = = 2"'),
        ("def f(:\n  pass", 'line 1: invalid syntax: "def f(:"'),
        ("return 1", "line 1: 'return' outside function"),
        ("x = '\0'", "null bytes"),
        ("(" * 5_000, "line 1: too many nested parentheses"),
    ],
)
def test_what_does_not_compile_is_refused_with_the_line(
    scripter: Scripter, source: str, where: str
) -> None:
    told = scripter.post("/v1/scripts", {"name": "bad", "source": source}, 400)

    assert told["code"] == "bad_script"
    assert where in told["detail"]
    assert Script.select().count() == 0


def test_a_source_is_compiled_and_never_run(scripter: Scripter) -> None:
    scripter.script(source="raise SystemExit(open('/nowhere'))")


def test_each_other_source_is_a_version_that_is_kept(scripter: Scripter) -> None:
    scripter.script()
    for source in ("print(2)", "print(2)", SOURCE):
        scripter.put("/v1/scripts/prices/source", {"source": source})
    scripter.put("/v1/scripts/prices/source", {"source": "print("}, 400)

    versions = scripter.get("/v1/scripts/prices/versions")["items"]
    assert [each["number"] for each in versions] == [3, 2, 1]
    assert versions[0]["sha256"] == versions[2]["sha256"]
    assert scripter.get("/v1/scripts/prices/source?version=2")["source"] == "print(2)"
    assert [told["changed"] for told in events("script.")] == [["new"], ["source"], ["source"]]
    scripter.get("/v1/scripts/prices/source?version=4", 404)
    scripter.get("/v1/scripts/prices/source?version=x", 400)


def test_what_a_change_does_not_name_stays(scripter: Scripter) -> None:
    scripter.script(cron="0 6 * * *", seconds=5)

    shown = scripter.put("/v1/scripts/prices", {"enabled": False, "keep_runs": 10})

    assert (shown["enabled"], shown["keep_runs"]) == (False, 10)
    assert (shown["cron"], shown["seconds"]) == ("0 6 * * *", 5.0)
    assert events("script.")[-1]["changed"] == ["enabled", "keep_runs"]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"cron": "* * * *"}, "bad_schedule"),
        ({"cron": "61 * * * *"}, "bad_schedule"),
        ({"cron": "*/0 * * * *"}, "bad_schedule"),
        ({"cron": "0 0 * * 5-1"}, "bad_schedule"),
        ({"cron": "0 0 * * *", "scheduled_time": "2026-01-01"}, "bad_schedule"),
        ({"scheduled_time": "soon"}, "bad_schedule"),
        ({"repeat_after": 60}, "bad_schedule"),
        ({"scheduled_time": "2026-01-01", "repeat_after": 0.1}, "bad_schedule"),
        ({"time_zone": "Mars/Base"}, "bad_schedule"),
        ({"time_zone": "../etc/passwd"}, "bad_schedule"),
        ({"on_mail": "from:("}, "bad_query"),
        ({"overlap": "maybe"}, "bad_body"),
        ({"secnods": 5}, "bad_body"),
        ({"secrets": ["not a name"]}, "bad_body"),
    ],
)
def test_a_wrong_setting_is_refused_and_changes_nothing(
    scripter: Scripter, settings: dict[str, Any], code: str
) -> None:
    made = scripter.script()

    assert scripter.ask("PUT", "/v1/scripts/prices", settings, 400)["code"] == code
    assert scripter.get("/v1/scripts/prices") == made


@pytest.mark.parametrize("cron", ["* * * * *", "0,30 */2 1-15 jan-mar SUN", "5 4 * * 7"])
def test_a_clock_is_told_as_cron_tells_it(scripter: Scripter, cron: str) -> None:
    scripter.script(cron=cron, time_zone="Europe/Paris")


def test_the_clock_of_the_seed_is_told_in_utc(scripter: Scripter) -> None:
    made = scripter.script(scheduled_time="2026-03-01T08:00:00+02:00", repeat_after=3_600)

    assert made["scheduled_time"] == "2026-03-01T06:00:00.000Z"


def test_a_name_is_taken_once_and_is_a_name(scripter: Scripter) -> None:
    scripter.script()

    told = {"name": "prices", "source": ""}
    assert scripter.post("/v1/scripts", told, 409)["code"] == "name_taken"
    for name in ("", "a/b", "../x", ".x", "x" * 101, "a\n"):
        scripter.post("/v1/scripts", {"name": name, "source": ""}, 400)
    scripter.script("погода")
    scripter.get("/v1/scripts/погода")


def test_a_deleted_script_takes_all_that_it_did_along(scripter: Scripter) -> None:
    scripter.script()
    id_ = scripter.done(output="12 EUR")
    scripter.planned("prices", minutes=1)
    scripter.slots(ago(seconds=1))
    (run,) = scripter.claim()
    scripter.log(run, "x")

    assert scripter.delete("/v1/scripts/prices") == {"name": "prices", "runs": 2}

    for table in (Script, ScriptVersion, Run, RunLog, Slot, Task):
        assert table.select().count() == 0
    assert scripter.api.files.exists([f"runs/{id_}/1/output.txt"]) == set()
    scripter.finish(run, 404)
    scripter.delete("/v1/scripts/prices", 404)


def folder(scripter: Scripter, **sources: str) -> dict[str, str]:
    told = scripter.tell("/v1/scripts/folder", {"scripts": sources})
    return {item["name"]: item["status"] for item in told["items"]}


def test_files_of_the_folder_are_taken_up_by_name(scripter: Scripter) -> None:
    scripter.script("mine")

    first = folder(scripter, a="print(1)", b="print(", mine="print(1)", **{"c d": ""})
    second = folder(scripter, a="print(1)", b="print(2)")
    third = folder(scripter, a="print(3)", b="print(2)")

    assert first == {"a": "new", "b": "refused", "c d": "refused", "mine": "refused"}
    assert second == {"a": "same", "b": "new"}
    assert third == {"a": "changed", "b": "same"}
    assert scripter.get("/v1/scripts/a")["version"] == 2
    assert scripter.put("/v1/scripts/a/source", {"source": ""}, 409)["code"] == "of_folder"


def test_a_script_whose_file_is_gone_is_disabled_and_kept(scripter: Scripter) -> None:
    folder(scripter, a="print(1)")
    gone = folder(scripter)
    shown = scripter.get("/v1/scripts/a")
    nothing_more = folder(scripter)
    back = folder(scripter, a="print(1)")

    assert (gone, nothing_more, back) == ({"a": "disabled"}, {}, {"a": "same"})
    assert (shown["enabled"], shown["gone"] is not None, shown["version"]) == (False, True, 1)
    assert scripter.get("/v1/scripts/a")["enabled"] is True
    assert [told["changed"] for told in events("script.")] == [["new"], ["gone"], ["back"]]


def test_a_folder_that_did_not_change_writes_nothing(scripter: Scripter) -> None:
    folder(scripter, a="print(1)")
    before = Script.get().changed, len(events(""))

    folder(scripter, a="print(1)")

    assert (Script.get().changed, len(events(""))) == before


def test_the_list_shows_the_newest_run_of_each(scripter: Scripter) -> None:
    scripter.script()
    scripter.done()
    id_ = scripter.done(status="error", error="no")

    (shown,) = scripter.get("/v1/scripts")["items"]

    assert (shown["last_run"]["id"], shown["last_run"]["status"]) == (id_, "error")
    assert set(shown) == set(ShownScript.__struct_fields__)
