"""Digests: each file told of once, in a row that is mailed at least once."""

from typing import Any

import msgspec
import pytest

from api.models import Digest, Event
from api.watching import digests
from postroom import wire
from tests.api.caller import Caller
from tests.api.test_files import make_due
from tests.api.watcher import SITE, Watcher, events


def mailed(tasks: list[wire.WatchTask]) -> list[wire.WatchDigest]:
    return [msgspec.convert(task.target, wire.WatchDigest) for task in tasks]


def lines(digest: wire.WatchDigest) -> list[tuple[str, str]]:
    return [(file.url.removeprefix(SITE), file.what) for file in digest.files]


def listed(api: Caller) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get("/v1/digests")["items"]
    return items


def test_a_digest_tells_what_came_in_one_row_a_file(api: Caller, watcher: Watcher) -> None:
    watcher.tell(watcher.stored("a.pdf"), watcher.stored("b.pdf", "one"))
    watcher.tell(watcher.stored("b.pdf", "two"), watcher.failed("c.pdf"))

    assert watcher.looked(3, digest=True).digest

    (digest,) = mailed(watcher.pulse())
    assert lines(digest) == [("a.pdf", "new"), ("b.pdf", "new"), ("c.pdf", "failed")]
    assert digest.page == "prices"
    assert digest.files[2].reason == "404 Not Found"
    assert digest.files[0].storage_url.startswith("file://")
    assert digest.files[0].size == 0
    assert not watcher.looked(3, digest=True).digest


def test_each_change_is_told_once(watcher: Watcher) -> None:
    contents = [None, "one", "two", "one"]
    told = []
    for content in contents:
        if content:
            watcher.tell(watcher.stored("a.pdf", content))
        watcher.looked(1, digest=True)
        told += [lines(digest) for digest in mailed(finished(watcher))]

    assert told == [[("a.pdf", "new")], [("a.pdf", "changed")], [("a.pdf", "changed")]]


def finished(watcher: Watcher) -> list[wire.WatchTask]:
    """What there was to do, and is done."""
    found, tasks = [], watcher.pulse()
    while tasks:
        found += tasks
        tasks = watcher.pulse(done=[(task.id, "mailed") for task in tasks])
    return found


def test_a_failure_is_told_once_and_a_success_after_it_is_new(
    api: Caller, watcher: Watcher
) -> None:
    told = []
    for _ in range(3):
        watcher.tell(watcher.failed("a.pdf"))
        watcher.looked(1, digest=True)
        told += [lines(digest) for digest in mailed(finished(watcher))]
        make_due(api)
    watcher.tell(watcher.stored("a.pdf"))
    watcher.looked(1, digest=True)
    told += [lines(digest) for digest in mailed(finished(watcher))]

    assert told == [[("a.pdf", "failed")], [("a.pdf", "new")]]


def test_a_failure_that_is_over_before_anybody_was_told_is_no_news(
    api: Caller, watcher: Watcher
) -> None:
    watcher.tell(watcher.stored("a.pdf"))
    watcher.looked(1, digest=True)
    make_due(api)

    watcher.tell(watcher.failed("a.pdf"))
    watcher.tell(watcher.unchanged("a.pdf"))

    assert not watcher.looked(1, digest=True).digest


def test_no_more_than_500_files_stand_in_one_digest(api: Caller, watcher: Watcher) -> None:
    for start in range(0, 600, 200):
        watcher.tell(*(watcher.stored(f"{number}.pdf") for number in range(start, start + 200)))
    watcher.looked(600, digest=True)

    told = mailed(finished(watcher))

    assert [len(digest.files) for digest in told] == [500, 100]
    assert len({file.id for digest in told for file in digest.files}) == 600
    assert len({digest.message_id for digest in told}) == 2


def test_a_digest_is_never_larger_than_a_message(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "MOST_BYTES", 20_000)
    long = "x" * 7_000
    watcher.tell(*(watcher.failed(f"{long}{number}") for number in range(5)))
    watcher.looked(5, digest=True)

    assert [digest.files for digest in Digest.select()] == [2, 2, 1]


def test_every_try_mails_the_same(api: Caller, watcher: Watcher) -> None:
    watcher.tell(watcher.stored("a.pdf"))
    watcher.looked(1, digest=True)

    (first,) = watcher.pulse()
    watcher.tell(watcher.stored("b.pdf"), watcher.stored("a.pdf", "other"))
    (again,) = watcher.pulse(later=[(first.id, 0.0, "refused")])

    assert again == first
    assert mailed([first])[0].message_id.count("@") == 1


def test_a_digest_that_cannot_be_mailed_is_seen_and_told_of_once(
    api: Caller, watcher: Watcher
) -> None:
    watcher.tell(watcher.stored("a.pdf"))
    watcher.looked(1, digest=True)
    for after in (0.0, 0.0, 600.0):
        (task,) = watcher.pulse()
        watcher.pulse(mails=False, later=[(task.id, after, "535 wrong password")])

    (shown,) = listed(api)
    assert (shown["state"], shown["attempts"], shown["error"]) == ("due", 3, "535 wrong password")
    assert shown["next_try"] > shown["changed"]
    assert [kind for kind, _ in events("digest.")] == ["digest.failing"]
    assert watcher.pulse() == []


def test_a_digest_that_was_mailed_is_at_rest(api: Caller, watcher: Watcher) -> None:
    watcher.tell(watcher.stored("a.pdf"))
    watcher.looked(1, digest=True)
    (task,) = finished(watcher)
    watcher.pulse(done=[(task.id, "again")], later=[(task.id, 0.0, "late")])

    (shown,) = listed(api)
    assert (shown["state"], shown["files"], shown["page"]) == ("sent", 1, "prices")
    assert shown["sent_at"]
    assert [kind for kind, _ in events("digest.")] == ["digest.sent"]
    assert api.get("/v1/files/1")["digest"] == shown["id"]


def test_only_a_monitor_that_can_mail_is_given_digests(api: Caller, watcher: Watcher) -> None:
    watcher.tell(watcher.stored("a.pdf"))
    watcher.looked(1, digest=True)

    assert watcher.pulse(mails=False) == []
    assert Watcher(api, "other").pulse() == []
    assert [task.kind for task in watcher.pulse()] == ["digest"]


def test_the_digest_of_a_day_is_made_once_over_all_pages(api: Caller, watcher: Watcher) -> None:
    other = Watcher(api, "other")
    watcher.tell(watcher.stored("a.pdf"))
    other.tell(other.stored("b.pdf"))

    (task,) = watcher.pulse(digest_of="2026-03-01")
    watcher.tell(watcher.stored("c.pdf"))
    assert other.pulse(digest_of="2026-03-01") == []

    (digest,) = mailed([task])
    assert (digest.page, lines(digest)) == ("", [("a.pdf", "new"), ("b.pdf", "new")])
    (task,) = other.pulse(digest_of="2026-03-02")
    assert lines(mailed([task])[0]) == [("c.pdf", "new")]


def test_a_day_without_news_has_no_mail_and_is_noted(api: Caller, watcher: Watcher) -> None:
    assert watcher.pulse(digest_of="2026-03-01") == []
    watcher.tell(watcher.stored("a.pdf"))
    assert watcher.pulse(digest_of="2026-03-01") == []

    (shown,) = listed(api)
    assert (shown["state"], shown["slot"], shown["page"]) == ("empty", "2026-03-01", None)
    assert Event.select().where(Event.kind.startswith("digest.")).count() == 0


def test_many_news_of_a_day_are_several_digests_of_one_slot(
    api: Caller, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "MOST_FILES", 2)
    watcher.tell(*(watcher.stored(f"{number}.pdf") for number in range(5)))
    watcher.pulse(digest_of="2026-03-01")

    slots = [item["slot"] for item in reversed(listed(api))]
    assert slots == ["2026-03-01", "2026-03-01 (2)", "2026-03-01 (3)"]


def failing(watcher: Watcher, seconds: float = 3_600.0) -> int:
    """A digest that waits for another try; the task that mails it."""
    watcher.tell(watcher.stored("a.pdf"))
    watcher.looked(1, digest=True)
    (task,) = watcher.pulse()
    assert watcher.pulse(later=[(task.id, seconds, "535 wrong password")]) == []
    return task.id


def test_a_digest_that_waits_is_mailed_once_and_at_once_when_somebody_asks(
    api: Caller, watcher: Watcher
) -> None:
    waiting = failing(watcher)

    asked = api.post("/v1/digests/1/retry", {}, 202)

    assert asked == {"task": waiting, "state": "due"}
    assert listed(api)[0]["next_try"] is None
    (task,) = watcher.pulse()
    assert task.id == waiting
    assert api.post("/v1/digests/1/retry", {}, 202) == {"task": waiting, "state": "leased"}
    assert watcher.pulse(done=[(waiting, "mailed")]) == []
    about = [event.about for event in Event.select().where(Event.kind == "source.asked")]
    told = {"what": "digest", "task": waiting, "digest": 1, "url": SITE, "by": "this machine"}
    assert about == [told, told]


def test_only_a_digest_that_is_due_is_tried_again(api: Caller, watcher: Watcher) -> None:
    watcher.pulse(digest_of="2026-03-01")

    assert api.post("/v1/digests/1/retry", {}, 409)["code"] == "not_due"
    assert api.post("/v1/digests/2/retry", {}, 404)["code"] == "not_found"


def test_a_digest_over_all_pages_is_tried_again(api: Caller, watcher: Watcher) -> None:
    watcher.tell(watcher.stored("a.pdf"))
    (task,) = watcher.pulse(digest_of="2026-03-01")
    watcher.pulse(mails=False, later=[(task.id, 3_600.0, "refused")])

    api.post("/v1/digests/1/retry", {}, 202)

    assert [each.id for each in watcher.pulse()] == [task.id]


@pytest.mark.parametrize(
    ("query", "found"),
    [("", [3, 2, 1]), ("page=prices", [1]), ("page=none", []), ("state=empty", [3]),
     ("state=due", [2, 1]), ("page=prices&state=sent", [])],
)  # fmt: skip
def test_digests_are_found_by(api: Caller, watcher: Watcher, query: str, found: list[int]) -> None:
    failing(watcher)
    other = Watcher(api, "other")
    other.tell(other.stored("b.pdf"))
    other.looked(1, digest=True)
    watcher.pulse(mails=False, digest_of="2026-03-01")

    assert [each["id"] for each in api.get(f"/v1/digests?{query}")["items"]] == found
    assert api.get("/v1/digests?state=new", 400)["code"] == "bad_state"
