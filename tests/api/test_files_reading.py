"""Files as people ask for them: lists, searches, versions, bytes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.app import create_app
from api.models import File
from api.schedule import stamp
from postroom.storage import Storage
from tests.api.caller import Caller
from tests.api.watcher import Watcher, events


def names(api: Caller, query: str = "") -> list[str]:
    return [item["filename"] for item in api.get(f"/v1/files{query}")["items"]]


def test_the_newest_files_come_first_by_pages(api: Caller, watcher: Watcher) -> None:
    watcher.links(*(f"{number}.pdf" for number in range(5)))
    found: list[str] = []
    path = "/v1/files?limit=2"
    while path:
        told = api.get(path)
        found += [item["filename"] for item in told["items"]]
        path = told["has_more"] and f"/v1/files?limit=2&cursor={told['next_cursor']}"

    assert found == [f"{number}.pdf" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["b.pdf", "Été 2026.pdf", "a (2).pdf"]),
        ("?versions=all", ["b.pdf", "Été 2026.pdf", "a (2).pdf", "a.pdf"]),
        ("?q=ete", ["Été 2026.pdf"]),
        ("?q=2026+été", ["Été 2026.pdf"]),
        ("?q=THE+B", ["b.pdf"]),
        ("?q=example.org/b", ["b.pdf"]),
        ("?q=%25", []),
        ("?q=nothing", []),
        ("?page=prices", ["Été 2026.pdf", "a (2).pdf"]),
        ("?page=nothing", []),
        ("?state=found", ["b.pdf"]),
        ("?state=stored&page=prices&q=a.pdf", ["a (2).pdf"]),
        ("?since=2020-01-01&until=2020-01-02", []),
        ("?since=2020-01-01", ["b.pdf", "Été 2026.pdf", "a (2).pdf"]),
    ],
)
def test_files_are_found_by(api: Caller, watcher: Watcher, query: str, found: list[str]) -> None:
    watcher.tell(watcher.stored("a.pdf", "one"))
    watcher.tell(watcher.stored("a.pdf", "two"))
    watcher.tell(watcher.stored("x", name="Été 2026.pdf"))
    Watcher(api, "other").links("b.pdf")

    assert names(api, query) == found


@pytest.mark.parametrize(
    ("query", "code"),
    [("state=new", "bad_state"), ("since=noon", "bad_time"), ("versions=2", "bad_versions")],
)
def test_a_filter_that_is_none_is_refused(api: Caller, query: str, code: str) -> None:
    assert api.get(f"/v1/files?{query}", 400)["code"] == code


def test_one_file_and_all_its_versions_are_shown(api: Caller, watcher: Watcher) -> None:
    watcher.tell(watcher.stored("a.pdf", "one"))
    watcher.tell(watcher.stored("a.pdf", "two"))
    watcher.tell(watcher.stored("b.pdf"))

    shown = api.get("/v1/files/2")
    versions = api.get("/v1/files/1/versions")["items"]

    assert (shown["page"], shown["current"], shown["next_try"]) == ("prices", True, None)
    assert shown["next_check"] > shown["changed"]
    assert [(each["id"], each["current"]) for each in versions] == [(2, True), (1, False)]
    assert api.get("/v1/files/9", 404)["code"] == "not_found"
    assert api.get("/v1/files/9/versions", 404)["code"] == "not_found"


def test_the_content_comes_whole_in_part_and_not_at_all(api: Caller, watcher: Watcher) -> None:
    record = watcher.stored("a.html", "<script>hello", type="text/html", name="a b'.html")
    watcher.tell(record)

    whole = api.client.get("/v1/files/1/content")
    part = api.client.get("/v1/files/1/content", headers={"Range": "bytes=-5"})
    known = api.client.get("/v1/files/1/content", headers={"If-None-Match": whole.headers["ETag"]})

    assert whole.data == b"<script>hello"
    assert (part.status_code, part.data) == (206, b"hello")
    assert (known.status_code, known.data) == (304, b"")
    assert whole.headers["ETag"] == f'"{record.sha256}"'
    assert whole.mimetype == "application/octet-stream"
    assert whole.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert whole.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20b%27.html"


def test_what_is_not_stored_has_no_content(api: Caller, watcher: Watcher) -> None:
    watcher.links("a.pdf")

    assert api.get("/v1/files/1/content", 404)["code"] == "not_stored"


class Presigning:
    """A store that gives its objects out itself, as S3 does."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def presigned(self, key: str, name: str, type: str, seconds: int) -> str:
        return f"https://s3.example.org/{key}?name={name}&type={type}&for={seconds}"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_storage_that_can_gives_out_files_itself(api: Caller, wanted: bool) -> None:
    store = Presigning(api.files)
    app = create_app(api.db, api.storage, files=store, presigned=wanted)  # type: ignore[arg-type]
    api.client = app.test_client()
    watcher = Watcher(api)
    record = watcher.stored("a.pdf", "hello", type="application/pdf")
    watcher.tell(record)

    response = api.client.get("/v1/files/1/content")

    assert response.status_code == (302 if wanted else 200)
    if wanted:
        expected = f"https://s3.example.org/{record.key}?name=a.pdf&type=application/pdf&for=300"
        assert response.headers["Location"] == expected
        api.files.delete([record.key])
        assert api.get("/v1/files/1/content", 404)["code"] == "object_missing"


def test_a_file_whose_object_is_gone_is_wanted_again(api: Caller, watcher: Watcher) -> None:
    record = watcher.stored("a.pdf", "hello")
    watcher.tell(record)
    watcher.looked(1, digest=True)
    api.files.delete([record.key])

    assert api.get("/v1/files/1/content", 404)["code"] == "object_missing"
    assert api.get("/v1/files/1/content", 404)["code"] == "not_stored"

    assert [kind for kind, _ in events("store.")] == ["store.damaged"]
    assert watcher.links("a.pdf") == {"a.pdf": "new"}
    assert watcher.tell(watcher.stored("a.pdf", "hello")) == ["stored"]
    assert api.client.get("/v1/files/1/content").data == b"hello"
    assert not watcher.looked(1, digest=True).digest


def test_an_older_version_whose_object_is_gone_is_given_up(api: Caller, watcher: Watcher) -> None:
    one = watcher.stored("a.pdf", "one")
    watcher.tell(one)
    watcher.tell(watcher.stored("a.pdf", "two"))
    api.files.delete([one.key])

    assert "the page has others" in api.get("/v1/files/1/content", 404)["detail"]

    assert watcher.links("a.pdf", last=True) == {}
    assert [row.state for row in File.select().order_by(File.id)] == ["failed", "stored"]
    assert watcher.tell(watcher.stored("a.pdf", "one")) == ["changed"]
    assert api.client.get("/v1/files/1/content").data == b"one"


def test_since_and_until_are_times_of_finding(api: Caller, watcher: Watcher) -> None:
    watcher.links("a.pdf", "b.pdf")
    with api.db.writing():
        before = stamp(datetime.now(UTC) - timedelta(days=2))
        File.update(created=before).where(File.filename == "a.pdf").execute()
    day = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()

    assert names(api, f"?since={day}") == ["b.pdf"]
    assert names(api, f"?until={day}") == ["a.pdf"]
