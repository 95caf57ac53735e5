"""Each new mail and file that a script waits for is one run, whatever happens in between."""

import pytest

from api.models import Run, Script
from api.running import advance
from tests.api.scripter import Scripter
from tests.api.watcher import Watcher


def moved(scripter: Scripter) -> int:
    runs: int = scripter.tell("/v1/scripts/advance", {})["runs"]
    return runs


@pytest.fixture
def mailed(scripter: Scripter) -> Scripter:
    scripter.api.hello()
    scripter.mail(1)
    return scripter


def test_a_new_script_begins_with_what_comes_next(mailed: Scripter) -> None:
    mailed.script(on_mail="*")
    assert moved(mailed) == 0
    mailed.mail(2)

    assert moved(mailed) == 1
    assert moved(mailed) == 0

    (run,) = mailed.claim()
    assert run.mail == 2
    assert run.trigger["kind"] == "mail"
    assert (run.trigger["mail"], run.trigger["mailbox"]) == (2, "work")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("*", [1, 2, 3]),
        ("subject:mail", [1, 2, 3]),
        ('subject:"mail 2"', [2]),
        ("hello -subject:2", [1, 3]),
        ("mailbox:work smaller:1M hello", [1, 2, 3]),
        ("mailbox:home", []),
        ("has:attachment OR subject:3", [3]),
    ],
)
def test_a_mail_is_matched_as_a_search_would(
    scripter: Scripter, query: str, ids: list[int]
) -> None:
    scripter.api.hello()
    scripter.script(on_mail=query, overlap="allow")
    scripter.mail(1, 2, 3)

    moved(scripter)

    assert [run.mail for run in scripter.claim(most=10)] == ids


def test_files_of_a_page_run_when_they_are_new_or_changed(
    scripter: Scripter, watcher: Watcher
) -> None:
    scripter.script("one", on_file="prices", overlap="allow")
    scripter.script("every", on_file="*", overlap="allow")
    scripter.script("other", on_file="news", overlap="allow")
    watcher.tell(watcher.stored("a.csv", "1"))
    watcher.tell(watcher.stored("a.csv", "2"), watcher.failed("b.csv"))

    assert moved(scripter) == 4

    given = scripter.claim(most=10)
    assert [(run.script, run.trigger["changed"]) for run in given] == [
        ("one", False), ("one", True), ("every", False), ("every", True),
    ]  # fmt: skip
    assert {run.trigger["page"] for run in given} == {"prices"}


def test_a_window_at_a_time_says_that_there_is_more(
    scripter: Scripter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advance, "WINDOW", 2)
    scripter.api.hello()
    scripter.script(on_mail="*")
    scripter.mail(1, 2, 3, 4, 5)

    answers = [scripter.tell("/v1/scripts/advance", {}) for _ in range(4)]

    assert [each["runs"] for each in answers] == [1, 2, 2, 0]
    assert [each["more"] for each in answers] == [True, True, False, False]


def test_an_event_that_is_met_twice_is_one_run(mailed: Scripter) -> None:
    mailed.script(on_mail="*")
    cursor = Script.get().event
    mailed.mail(2)
    moved(mailed)
    with mailed.api.db.writing():
        Script.update(event=cursor).execute()

    assert moved(mailed) == 0
    assert Run.select().count() == 1


def test_what_came_while_a_script_was_disabled_is_left_alone(mailed: Scripter) -> None:
    mailed.script(on_mail="*")
    mailed.put("/v1/scripts/prices", {"enabled": False})
    mailed.mail(2)
    assert moved(mailed) == 0
    mailed.put("/v1/scripts/prices", {"enabled": True})
    mailed.mail(3)

    assert moved(mailed) == 1
    assert Run.get().mail == 3


def test_events_that_concern_no_script_move_nothing(mailed: Scripter) -> None:
    mailed.script("waits", on_mail="*")
    before = Script.get().event
    mailed.script("other")

    assert moved(mailed) == 0
    assert Script.get().event == before
