"""What downloads came to: versions, names, failures, told again and out of order."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from api.models import Event, File, Task
from api.schedule import stamp
from postroom import wire
from tests.api.caller import Caller
from tests.api.watcher import SITE, Watcher, events


def hour_ago() -> str:
    return stamp(datetime.now(UTC) - timedelta(hours=1))


def make_due(api: Caller) -> None:
    """As if the time for another try, or for a comparison, had come."""
    with api.db.writing():
        File.update(next_try=hour_ago()).where(File.next_try > "").execute()
        File.update(next_check=hour_ago()).where(File.next_check > "").execute()


def versions() -> list[tuple[str, str, bool, str]]:
    rows = File.select().order_by(File.id)
    return [(row.filename, row.version, row.current, row.state) for row in rows]


def test_a_stored_file_has_the_columns_of_the_seed_and_its_object(
    api: Caller, watcher: Watcher
) -> None:
    watcher.links("a.pdf")
    record = watcher.stored("a.pdf", "hello", type="application/pdf")

    assert watcher.tell(record) == ["stored"]

    row = File.get()
    assert (row.filename, row.download_url) == ("a.pdf", f"{SITE}a.pdf")
    assert row.storage_url == api.files.url(record.key)
    assert (row.version, row.size, row.type) == (record.sha256, 5, "application/pdf")
    assert row.created <= row.changed
    assert events("file.") == [("file.found", "a.pdf"), ("file.stored", "a.pdf")]


def test_a_record_that_is_told_twice_changes_nothing(api: Caller, watcher: Watcher) -> None:
    # Whoever was killed before the answer came tells it again.
    watcher.links("a.pdf")
    record = watcher.stored("a.pdf")

    assert watcher.tell(record) == ["stored"]
    assert watcher.tell(record, record) == ["known", "known"]

    assert len(versions()) == 1
    assert events("file.") == [("file.found", "a.pdf"), ("file.stored", "a.pdf")]
    assert watcher.looked(1).new == 1


def test_a_failure_that_is_told_twice_is_one_try(watcher: Watcher) -> None:
    watcher.links("a.pdf")

    first = watcher.told(watcher.failed("a.pdf")).items[0]
    second = watcher.told(watcher.failed("a.pdf")).items[0]

    assert (first.status, second.status) == ("failed", "failed")
    assert 50 < second.after <= first.after <= 60
    assert File.get().attempts == 1
    assert len(events("file.failed")) == 1


def test_a_file_may_be_stored_before_its_link_was_told(api: Caller, watcher: Watcher) -> None:
    assert watcher.tell(watcher.stored("a.pdf")) == ["stored"]
    assert watcher.links("a.pdf") == {}
    assert File.select().count() == 1


def test_other_bytes_are_a_new_version_and_both_are_kept(api: Caller, watcher: Watcher) -> None:
    one, two = watcher.stored("a.pdf", "one"), watcher.stored("a.pdf", "two")
    watcher.tell(one)

    assert watcher.tell(two) == ["changed"]

    assert versions() == [
        ("a.pdf", one.sha256, False, "stored"),
        ("a (2).pdf", two.sha256, True, "stored"),
    ]
    assert api.files.exists([one.key, two.key]) == {one.key, two.key}
    assert [kind for kind, _ in events("file.")] == ["file.stored", "file.changed"]
    assert watcher.looked(1) == wire.LookedReply(new=1, changed=1)


def test_content_that_comes_back_makes_the_older_version_current(
    api: Caller, watcher: Watcher
) -> None:
    one, two = watcher.stored("a.pdf", "one"), watcher.stored("a.pdf", "two")
    watcher.tell(one)
    watcher.tell(two)

    assert watcher.tell(one) == ["changed"]
    assert [(current, version) for _, version, current, _ in versions()] == [
        (True, one.sha256),
        (False, two.sha256),
    ]
    assert watcher.tell(two) == ["changed"]
    assert len(versions()) == 2
    assert [kind for kind, _ in events("file.changed")] == ["file.changed"] * 3


def test_all_in_one_message_is_as_if_told_one_by_one(watcher: Watcher) -> None:
    one, two = watcher.stored("a.pdf", "one"), watcher.stored("a.pdf", "two")
    unfit = watcher.unchanged("b.pdf")
    bad = msgspec.structs.replace(watcher.stored("c.pdf"), key="../c.pdf")

    assert watcher.tell(watcher.failed("a.pdf"), one, one, two, unfit, bad) == [
        "failed", "stored", "known", "changed", "retry", "failed"
    ]  # fmt: skip


def test_a_stored_file_is_compared_when_its_time_has_come(api: Caller, watcher: Watcher) -> None:
    record = watcher.stored("a.pdf", last_modified="yesterday")
    watcher.tell(record)
    make_due(api)

    assert watcher.links("a.pdf") == {"a.pdf": "recheck"}
    answer = api.post(
        "/v1/pages/prices/links",
        wire.Links(page="prices", url=SITE, links=[wire.Link(url=SITE + "a.pdf")]),
    )
    wanted = msgspec.convert(answer, wire.LinksReply).wanted[0]
    assert (wanted.etag, wanted.last_modified) == (record.etag, "yesterday")
    assert (wanted.sha256, wanted.size) == (record.sha256, record.size)

    assert watcher.tell(watcher.unchanged("a.pdf"), recheck=10.0) == ["known"]
    assert watcher.links("a.pdf") == {}
    seconds = datetime.fromisoformat(File.get().next_check) - datetime.now(UTC)
    assert timedelta(seconds=5) < seconds <= timedelta(seconds=10)
    assert len(events("file.")) == 1


def test_what_the_server_says_no_longer_is_not_kept(api: Caller, watcher: Watcher) -> None:
    watcher.tell(watcher.stored("a.pdf", last_modified="yesterday"))
    watcher.tell(watcher.unchanged("a.pdf"))
    assert (File.get().last_modified, bool(File.get().etag)) == ("yesterday", True)

    watcher.tell(watcher.stored("a.pdf", etag="", last_modified=""))
    assert (File.get().last_modified, File.get().etag) == ("", "")


def test_a_failure_is_tried_again_ever_later_and_at_least_daily(
    api: Caller, watcher: Watcher
) -> None:
    watcher.links("a.pdf")
    pauses = []
    for _ in range(13):
        pauses.append(round(watcher.told(watcher.failed("a.pdf")).items[0].after / 60))
        assert watcher.links("a.pdf") == {}
        make_due(api)
        assert watcher.links("a.pdf") == {"a.pdf": "new"}

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440]
    assert watcher.tell(watcher.stored("a.pdf")) == ["stored"]
    assert (File.get().attempts, File.get().error, File.get().state) == (0, "", "stored")


def test_a_stored_file_that_cannot_be_compared_stays_stored(api: Caller, watcher: Watcher) -> None:
    watcher.tell(watcher.stored("a.pdf"))
    make_due(api)

    assert watcher.tell(watcher.failed("a.pdf")) == ["failed"]
    assert (File.get().state, File.get().error) == ("stored", "404 Not Found")
    assert watcher.links("a.pdf") == {}
    make_due(api)
    assert watcher.links("a.pdf") == {"a.pdf": "recheck"}


def test_records_of_another_store_are_refused(api: Caller, watcher: Watcher) -> None:
    told = wire.Files(page="prices", storage="f" * 32, items=[watcher.stored("a.pdf")])

    assert api.post("/v1/pages/prices/files", told, 409)["code"] == "storage_mismatch"
    assert File.select().count() == 0


def test_many_files_of_one_name_are_numbered(watcher: Watcher) -> None:
    folders = [f"{number}/index.pdf" for number in range(1_000)]
    watcher.links("x/index (2).pdf")
    watcher.links(*folders)
    watcher.links(*(f"more/{path}" for path in folders[:40]))

    names = [name for name, *_ in versions()]
    assert names[:4] == ["index (2).pdf", "index.pdf", "index (3).pdf", "index (4).pdf"]
    assert names[-1] == "index (1041).pdf"
    assert len(set(names)) == 1_041


def test_a_number_in_a_name_is_no_place_for_another(watcher: Watcher) -> None:
    watcher.links("1/a.pdf", "2/a.pdf", "1/a (2).pdf", "3/a.pdf", "1/a (2) (2).pdf", "b")

    names = [name for name, *_ in versions()]
    assert names == [
        "a.pdf", "a (2).pdf", "a (2) (2).pdf", "a (3).pdf", "a (2) (2) (2).pdf", "b",
    ]  # fmt: skip


def test_the_name_that_the_server_gives_counts(watcher: Watcher) -> None:
    watcher.links("download?id=1", "download?id=2", "c.pdf")
    watcher.tell(
        watcher.stored("download?id=1", "1", name="Prix d'été.pdf", key="pages/p/x"),
        watcher.stored("download?id=2", "2", name="Prix d'été.pdf", key="pages/p/y"),
        watcher.stored("c.pdf", "3", name="c.pdf"),
    )

    assert [name for name, *_ in versions()] == ["Prix d'été.pdf", "Prix d'été (2).pdf", "c.pdf"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "etc passwd"),
        ("a\r\nBcc: x.pdf", "a Bcc: x.pdf"),
        ("cod\N{RIGHT-TO-LEFT OVERRIDE}fdp.exe", "cod fdp.exe"),
        ("..", "file"),
        ("x" * 300 + ".pdf", "x" * 239 + ".pdf"),
    ],
)
def test_a_name_never_is_a_path_nor_a_trick(watcher: Watcher, given: str, shown: str) -> None:
    watcher.tell(watcher.stored("a.pdf", name=given, key="pages/p/x"))

    assert File.get().filename == shown


def test_a_link_keeps_its_text_whatever_it_is(watcher: Watcher) -> None:
    told = wire.Links(page="prices", url=SITE, links=[wire.Link(url=SITE, text="a\0b")])
    watcher.api.post("/v1/pages/prices/links", told)

    assert (File.get().text, File.get().filename) == ("a\N{REPLACEMENT CHARACTER}b", "example.org")


def test_a_file_is_downloaded_again_when_somebody_asks(api: Caller, watcher: Watcher) -> None:
    watcher.looked()
    watcher.tell(watcher.failed("a.pdf"))

    answer = api.post("/v1/files/1/retry", {}, 202)

    (task,) = watcher.pulse()
    assert (task.id, task.kind, task.target["url"]) == (answer["task"], "download", f"{SITE}a.pdf")
    # Should the task be lost, the row is wanted all the same.
    assert watcher.links("a.pdf") == {"a.pdf": "new"}
    assert Task.select().count() == 1
    assert Event.select().where(Event.kind == "file.failed").count() == 1
    api.post("/v1/files/9/retry", {}, 404)
