"""Watched pages: which links are wanted, how a page stands, what its monitor has to do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.models import Event, File, Page
from api.schedule import stamp
from api.sources import silence
from api.sources.silence import PATIENCE, Watch
from tests.api.caller import Caller
from tests.api.watcher import SITE, Watcher, events

LONG = PATIENCE + timedelta(seconds=5)


def now() -> datetime:
    return datetime.now(UTC)


def data_version(api: Caller) -> Any:
    """Rises with each commit of others."""
    return api.db.execute_sql("PRAGMA data_version").fetchone()


def test_each_new_link_is_wanted_and_told_of_once(watcher: Watcher) -> None:
    assert watcher.links("a.pdf", "b.pdf") == {"a.pdf": "new", "b.pdf": "new"}
    assert watcher.links("b.pdf", "c.pdf") == {"b.pdf": "new", "c.pdf": "new"}

    assert events("file.") == [("file.found", f"{name}.pdf") for name in "abc"]


def test_what_was_found_and_never_stored_is_wanted_until_it_is(watcher: Watcher) -> None:
    # A monitor that was killed between the two: the rows decide.
    watcher.links("a.pdf", "b.pdf")
    watcher.tell(watcher.stored("a.pdf"))

    assert watcher.links("a.pdf", "b.pdf") == {"b.pdf": "new"}
    watcher.tell(watcher.stored("b.pdf"))
    assert watcher.links("a.pdf", "b.pdf") == {}


@pytest.mark.sqlite_only
def test_links_that_are_known_cost_no_write(api: Caller, watcher: Watcher) -> None:
    paths = [f"{number}.pdf" for number in range(300)]
    watcher.links(*paths)
    watcher.tell(*map(watcher.stored, paths[:200]))
    watcher.tell(*map(watcher.stored, paths[200:]))
    watcher.looked(300)
    before = data_version(api)

    assert watcher.links(*paths, last=True) == {}

    assert data_version(api) == before
    assert Event.select().where(Event.kind == "file.found").count() == 300


def test_what_is_unfinished_and_left_the_page_is_wanted_with_the_last_links(
    watcher: Watcher,
) -> None:
    watcher.links("old.pdf", "done.pdf", "late.pdf")
    watcher.tell(watcher.stored("done.pdf"), watcher.failed("late.pdf"))

    assert watcher.links("new.pdf") == {"new.pdf": "new"}
    assert watcher.links("new.pdf", last=True) == {"new.pdf": "new", "old.pdf": "new"}


def test_a_link_that_stands_twice_is_one_file(watcher: Watcher) -> None:
    assert watcher.links("a.pdf", "a.pdf") == {"a.pdf": "new"}
    assert File.select().count() == 1


def test_two_pages_with_one_link_have_a_file_each(api: Caller, watcher: Watcher) -> None:
    watcher.links("a.pdf")

    assert Watcher(api, "other").links("a.pdf") == {"a.pdf": "new"}
    assert {row.filename for row in File.select()} == {"a.pdf", "a (2).pdf"}


def test_a_look_shows_when_the_next_one_is_and_what_it_found(watcher: Watcher) -> None:
    watcher.links("a.pdf", "b.pdf", "c.pdf")
    watcher.tell(watcher.stored("a.pdf"), watcher.failed("b.pdf"))

    reply = watcher.looked(3)

    shown = watcher.shown()
    assert (reply.new, reply.changed, reply.failed, reply.digest) == (1, 0, 1, False)
    assert (shown["links"], shown["url"], shown["state"], shown["error"]) == (3, SITE, "ok", "")
    assert shown["files"] == {"found": 1, "stored": 1, "failed": 1, "purged": 0}
    seconds = datetime.fromisoformat(shown["next_look"]) - datetime.fromisoformat(shown["looked"])
    assert seconds == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=1))
    assert watcher.looked(3).new == 0


def test_the_end_of_a_look_is_told_in_few_words(watcher: Watcher) -> None:
    watcher.links("a.pdf")
    watcher.tell(watcher.stored("a.pdf"))
    watcher.looked(1, took=0.25)
    watcher.looked(1)

    about = [event.about for event in Event.select().where(Event.kind == "page.checked")]
    assert about == [{"links": 1, "took": 0.25, "new": 1}, {"links": 1, "took": 0.0}]


def test_a_page_that_had_links_and_has_none_fails_at_once_until_it_has_some(
    watcher: Watcher,
) -> None:
    watcher.looked(40)
    watcher.looked(0)
    watcher.looked(0)

    assert events("source.") == [("source.failing", "")]
    shown = watcher.shown()
    assert shown["error"] == "a page that had 40 links and now has none"
    assert (shown["state"], shown["links"]) == ("failing", 40)

    watcher.looked(39)
    assert [kind for kind, _ in events("source.")] == ["source.failing", "source.recovered"]
    assert (watcher.shown()["state"], watcher.shown()["links"]) == ("ok", 39)


def test_a_page_that_never_had_links_is_well(watcher: Watcher) -> None:
    watcher.looked(0)
    watcher.looked(0)

    assert watcher.shown()["state"] == "ok"


def test_a_page_that_fails_for_longer_than_patience_is_told_of(
    api: Caller, watcher: Watcher
) -> None:
    watch = Watch(api.db, now() - timedelta(days=1))
    watcher.looked(1, next_look=60.0)
    watcher.looked(0, error="503 Service Unavailable", next_look=60.0)
    watch.look()
    assert events("source.") == []

    with api.db.writing():
        Page.update(failed=stamp(now() - LONG)).execute()
    watch.look()
    watch.look()

    assert [kind for kind, _ in events("source.")] == ["source.failing"]
    assert watcher.shown()["error"] == "503 Service Unavailable"
    watcher.looked(1)
    assert [kind for kind, _ in events("source.")] == ["source.failing", "source.recovered"]


def test_a_page_whose_next_look_is_overdue_is_silent(api: Caller, watcher: Watcher) -> None:
    watch = Watch(api.db, now() - timedelta(days=1))
    watcher.looked(1, next_look=3_600.0)

    watch.look(now() + timedelta(hours=1, minutes=4))
    assert events("source.") == []
    watch.look(now() + timedelta(hours=1, minutes=6))
    watch.look(now() + timedelta(hours=1, minutes=7))

    assert [kind for kind, _ in events("source.")] == ["source.silent"]
    assert watcher.shown()["state"] == "silent"
    assert api.get("/v1/events?limit=100")["items"][-1]["about"]["url"] == SITE


@pytest.mark.parametrize("sign", ["links", "files"])
def test_a_look_that_takes_long_is_not_silent_while_it_brings_something(
    api: Caller, watcher: Watcher, sign: str
) -> None:
    watcher.looked(1)
    with api.db.writing():
        long_ago = stamp(now() - timedelta(hours=2))
        Page.update(next_look=long_ago, seen=long_ago).execute()

    if sign == "links":
        watcher.links()
    else:
        watcher.tell(watcher.stored("a.pdf"))
    Watch(api.db, now() - timedelta(days=1)).look()

    assert events("source.") == []


def test_a_page_that_is_configured_and_never_came_is_silent(api: Caller, watcher: Watcher) -> None:
    silence.expect_pages(api.db, {"prices": SITE})
    assert (watcher.shown()["state"], watcher.shown()["url"]) == ("new", SITE)

    Watch(api.db, now()).look(now() + LONG)

    assert events("source.") == [("source.silent", "")]
    silence.expect_pages(api.db, {})
    assert api.get("/v1/pages")["items"] == []


def test_a_page_is_looked_at_when_somebody_asks(api: Caller, watcher: Watcher) -> None:
    watcher.looked()

    asked = api.post("/v1/pages/prices/check", {}, 202)
    api.post("/v1/pages/prices/check", {}, 202)

    (task,) = watcher.pulse()
    assert (task.id, task.kind, task.source) == (asked["task"], "check", "prices")
    assert watcher.pulse() == []
    watcher.pulse(done=[(task.id, "looked")])
    assert api.get("/v1/tasks")["items"][0]["result"] == "looked"
    api.post("/v1/pages/nothing/check", {}, 404)


def test_a_task_that_is_put_off_comes_again_when_it_is_due(api: Caller, watcher: Watcher) -> None:
    watcher.looked()
    api.post("/v1/pages/prices/check", {}, 202)
    (task,) = watcher.pulse()

    assert watcher.pulse(later=[(task.id, 3_600.0, "busy")]) == []
    watcher.api.post("/v1/pages/prices/check", {}, 202)
    (asked_now,) = watcher.pulse()
    assert asked_now.id > task.id
    assert watcher.pulse(later=[(asked_now.id, 0.0, "busy")])[0].id == asked_now.id


def test_a_mailbox_and_a_page_of_one_name_have_their_own_tasks(api: Caller) -> None:
    watcher = Watcher(api, "work")
    api.hello()
    watcher.looked()
    api.post("/v1/mailboxes/work/sync", {}, 202)
    api.post("/v1/pages/work/check", {}, 202)

    fields = {**api.place(), "folder": "", "uidvalidity": 0}
    mailbox = api.post("/v1/mailboxes/work/passes", fields)["tasks"]
    page = watcher.pulse()
    watcher.pulse(done=[(mailbox[0]["id"], "not mine")])
    api.post("/v1/mailboxes/work/passes", {**fields, "done": [(page[0].id, "not mine")]})

    assert [task["kind"] for task in mailbox] == ["sync"]
    assert [task.kind for task in page] == ["check"]
    assert [task["state"] for task in api.get("/v1/tasks")["items"]] == ["leased", "leased"]


@pytest.mark.sqlite_only
def test_a_pulse_with_nothing_to_do_costs_no_write(api: Caller, watcher: Watcher) -> None:
    watcher.looked()
    before = data_version(api)

    assert watcher.pulse() == []
    assert data_version(api) == before


def test_pages_are_listed_by_name(api: Caller) -> None:
    for name in ("b", "a", "c"):
        Watcher(api, name).looked()
    first = api.get("/v1/pages?limit=2")
    rest = api.get(f"/v1/pages?limit=2&cursor={first['next_cursor']}")

    names = [item["name"] for item in first["items"] + rest["items"]]
    assert names == ["a", "b", "c"]
    assert api.get("/v1/pages/d", 404)["code"] == "not_found"
