"""Downloads are whole or none: hashed, resumed, compared, bounded, and never two files in one."""

import gzip
import hashlib
import os
import threading
import tracemalloc
from typing import Any

import pytest

from monitor.download import Unchanged, download
from monitor.web import Hosts, Web
from postroom import wire
from postroom.errors import SourceError, TemporaryError
from tests.servers.web import Resource
from tests.watched import brought, downloaded, page

BODY = bytes(range(256)) * 4096  # 1 MB
SHA256 = hashlib.sha256(BODY).hexdigest()
DATE = "Fri, 30 Jan 2026 10:00:00 GMT"


def test_a_file_is_brought_with_all_that_is_told_of_it(web, tmp_path):
    web.routes["/a/report.pdf"] = Resource(BODY, etag='"1"', last_modified=DATE)
    told: list[tuple[int, int | None]] = []
    file = brought(page(web), "/a/report.pdf", tmp_path, told=told)

    assert file.path.read_bytes() == BODY
    assert file.path.parent == tmp_path
    assert (file.sha256, file.size, file.name) == (SHA256, len(BODY), "report.pdf")
    assert (file.type, file.etag, file.last_modified) == ("application/pdf", '"1"', DATE)
    assert told[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


# --- seen before


def test_a_file_that_the_server_knows_to_be_the_same_is_not_sent_again(web, tmp_path):
    web.routes["/a"] = Resource(BODY, etag='W/"1"', last_modified=DATE)
    known: dict[str, Any] = {"what": "recheck", "sha256": "0" * 64}

    by_etag = downloaded(page(web), "/a", tmp_path, etag='W/"1"', **known)
    by_date = downloaded(page(web), "/a", tmp_path, last_modified=DATE, **known)

    assert by_etag == Unchanged('W/"1"', "")
    assert by_date == Unchanged("", DATE)
    assert list(tmp_path.iterdir()) == []


def test_the_same_bytes_are_the_same_file_whatever_the_server_says(web, tmp_path):
    web.routes["/a"] = Resource(BODY, etag='"2"', last_modified=DATE)

    same = downloaded(page(web), "/a", tmp_path, what="recheck", sha256=SHA256, etag='"1"')

    assert same == Unchanged('"2"', DATE)
    assert list(tmp_path.iterdir()) == []


def test_other_bytes_are_brought(web, tmp_path):
    web.routes["/a"] = Resource(BODY, etag='"2"')

    file = brought(page(web), "/a", tmp_path, what="recheck", sha256="0" * 64, etag='"1"')

    assert file.sha256 == SHA256


@pytest.mark.parametrize("etag", ['"\u20ac"', '"\xe9"', '"a\r\nX-Evil: 1"', ' "1"', '"\t"'])
def test_what_no_header_can_be_is_not_sent_back(web, tmp_path, etag):
    web.routes["/a"] = Resource(BODY)
    brought(page(web), "/a", tmp_path, what="recheck", sha256="0" * 64, etag=etag)

    assert web.asked[-1].headers["If-None-Match"] is None


def test_a_new_file_is_asked_for_without_conditions(web, tmp_path):
    web.routes["/a"] = Resource(BODY, etag='"1"')
    brought(page(web), "/a", tmp_path, etag='"1"')

    assert web.asked[-1].headers["If-None-Match"] is None


# --- cut


@pytest.mark.parametrize(
    "validator", [{"etag": '"1"'}, {"last_modified": DATE}, {"etag": '"1"', "last_modified": DATE}]
)
def test_a_download_that_is_cut_goes_on_where_it_was(web, tmp_path, validator):
    web.routes["/a"] = Resource(BODY, cuts=[300_000, 0, 200_000, 1], **validator)
    file = brought(page(web), "/a", tmp_path)

    assert file.sha256 == SHA256
    assert file.path.read_bytes() == BODY
    ranges = [asked.headers["Range"] for asked in web.asked if asked.path == "/a"]
    assert ranges[1:3] == ["bytes=300000-", "bytes=300000-"]
    assert len(ranges) == 5


@pytest.mark.parametrize(
    "kept", [{}, {"etag": 'W/"1"', "last_modified": DATE}, {"etag": '"1"', "ranges": False}]
)
def test_where_a_server_cannot_go_on_all_is_brought_again(web, tmp_path, kept):
    web.routes["/a"] = Resource(BODY, cuts=[300_000, 400_000], **kept)

    assert brought(page(web), "/a", tmp_path).sha256 == SHA256


def test_a_file_that_changes_between_two_tries_is_never_two_in_one(web, tmp_path):
    newer = Resource(BODY[::-1], etag='"2"')
    web.then("/a", Resource(BODY, etag='"1"', cuts=[300_000]), newer)
    file = brought(page(web), "/a", tmp_path)

    assert file.path.read_bytes() == BODY[::-1]
    assert file.etag == '"2"'


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (206, {"Content-Range": "bytes 5-9/10", "ETag": '"1"'}),
        (206, {"Content-Range": f"bytes 300000-{len(BODY) - 1}/{len(BODY)}", "ETag": '"2"'}),
        (206, {"ETag": '"1"'}),
        (416, {"Content-Range": "bytes */10"}),
    ],
)
def test_a_server_that_goes_on_with_something_else_is_asked_for_all(web, tmp_path, status, headers):
    whole = Resource(BODY, etag='"3"')
    web.then(
        "/a",
        Resource(BODY, etag='"1"', cuts=[300_000]),
        lambda asked: asked.send(status, headers, b"wrong"),
        whole,
    )

    assert brought(page(web), "/a", tmp_path).path.read_bytes() == BODY


def test_a_download_that_brings_nothing_is_given_up_and_leaves_nothing(web, tmp_path):
    web.routes["/a"] = Resource(BODY, etag='"1"', cuts=[1000, *[0] * 50])

    with pytest.raises(TemporaryError):
        downloaded(page(web), "/a", tmp_path)
    assert len(web.paths) == 4
    assert list(tmp_path.iterdir()) == []


def test_a_chunked_file_is_whole_at_its_last_chunk_only(web, tmp_path):
    def chunks(asked, last=b"0\r\n\r\n"):
        asked.head(200, {"Transfer-Encoding": "chunked"})
        asked.write(b"5\r\nhello\r\n" + last)
        asked.cut()

    web.then(
        "/a", lambda asked: chunks(asked, b""), lambda asked: chunks(asked, b"5\r\nwo"), chunks
    )

    assert brought(page(web), "/a", tmp_path).path.read_bytes() == b"hello"


# --- limits


def test_a_file_that_is_too_large_is_not_brought(web, tmp_path):
    large = b"x" * (1024 * 1024 + 1)
    web.serve("/told", large)
    web.routes["/untold"] = lambda asked: (asked.head(200, {}), asked.write(large), asked.cut())
    web.serve("/bomb", gzip.compress(large), Content_Encoding="gzip")

    for path in ("/told", "/untold", "/bomb"):
        with pytest.raises(SourceError, match="is larger than max_megabytes = 1"):
            downloaded(page(web, max_megabytes=1), path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_download_takes_no_longer_than_it_may(web, tmp_path):
    def drip(asked):
        asked.head(200, {"Content-Length": "100000"})
        while not asked.closing.wait(0.02):
            asked.write(b"x")

    web.routes["/a"] = drip

    with pytest.raises(TemporaryError, match=r"takes longer than 0\.5 s"):
        downloaded(page(web, download_seconds=0.5), "/a", tmp_path)


def test_a_download_ends_when_all_is_to_end(web, tmp_path):
    stop = threading.Event()

    def endless(asked):
        asked.head(200, {"Content-Length": str(10**9)})
        while not asked.closing.is_set():
            asked.write(b"x" * 65_536)

    web.routes["/a"] = endless
    watched = page(web)
    wanted = wire.WantedFile(url=f"{web.url}/a")
    with Web(watched, Hosts(), stop) as client, pytest.raises(TemporaryError, match="operator"):
        download(watched, client, wanted, tmp_path, lambda *_: stop.set())
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_file(web, tmp_path):
    piece, count = os.urandom(65_536), 800

    def large(asked):
        asked.head(200, {"Content-Length": str(len(piece) * count)})
        for _ in range(count):
            asked.write(piece)

    web.routes["/a"] = large
    tracemalloc.start()
    size = brought(page(web), "/a", tmp_path).size
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert size == len(piece) * count
    assert peak < 4_000_000


def test_a_disk_that_is_full_or_gone_is_for_later(web, tmp_path, monkeypatch):
    web.routes["/a"] = Resource(BODY)
    with pytest.raises(TemporaryError, match="cannot be written: No such file"):
        downloaded(page(web), "/a", tmp_path / "missing")

    # A link, because what is left of a download is deleted by its name.
    link = tmp_path / "download-full"
    link.symlink_to("/dev/full")
    with link.open("wb", buffering=0) as full:
        monkeypatch.setattr("tempfile.NamedTemporaryFile", lambda **_: full)
        with pytest.raises(TemporaryError, match="cannot be written: No space left"):
            downloaded(page(web), "/a", tmp_path)
    assert not link.is_symlink()


# --- what came


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_told(web, tmp_path, status):
    web.say("/a", status)

    with pytest.raises(SourceError, match=f"answers {status}"):
        downloaded(page(web), "/a", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_compressed_in_transfer_is_unpacked_and_an_archive_is_not(web, tmp_path):
    packed = gzip.compress(b"a,b\n1,2\n")
    web.serve("/a.csv", packed, "text/csv", Content_Encoding="gzip", ETag='"1"')
    web.serve("/a.tar.gz", packed, "application/x-tar", Content_Encoding="gzip")
    web.serve("/get", packed, "application/gzip", Content_Encoding="gzip")

    bodies = [
        brought(page(web), path, tmp_path).path.read_bytes()
        for path in ("/a.csv", "/a.tar.gz", "/get")
    ]

    assert bodies == [b"a,b\n1,2\n", packed, packed]


def test_a_compressed_file_that_is_cut_is_brought_again(web, tmp_path):
    packed = Resource(
        gzip.compress(BODY), etag='"1"', cuts=[1000], headers={"Content-Encoding": "gzip"}
    )
    web.routes["/a.csv"] = packed

    assert brought(page(web), "/a.csv", tmp_path).sha256 == SHA256


def test_a_page_that_comes_for_a_file_is_no_version_of_it(web, tmp_path):
    body = "\ufeff\n<!DOCTYPE html><p>Please log in</p>"
    for path in ("/report.pdf", "/report.html", "/report"):
        web.serve(path, body)
    web.serve("/a.csv", "a,b\n1,2\n")

    with pytest.raises(SourceError, match="a web page comes where a file was"):
        downloaded(page(web), "/report.pdf", tmp_path)
    for path in ("/report.html", "/report", "/a.csv"):
        brought(page(web), path, tmp_path)


def test_an_empty_file_is_a_file(web, tmp_path):
    web.routes["/a"] = Resource(b"")

    assert brought(page(web), "/a", tmp_path).size == 0


def test_a_redirected_file_keeps_the_name_that_has_an_extension(web, tmp_path):
    web.redirect("/report.pdf", "/blob/0a1b")
    web.redirect("/get", "/files/data.csv")
    web.redirect("/latest", "/blob/0a1b")
    for path in ("/blob/0a1b", "/files/data.csv"):
        web.routes[path] = Resource(BODY)

    names = [brought(page(web), path, tmp_path).name for path in ("/report.pdf", "/get", "/latest")]

    assert names == ["report.pdf", "data.csv", "latest"]


def test_the_server_names_a_file_before_its_url_does(web, tmp_path):
    told = {"Content-Disposition": "attachment; filename*=UTF-8''Bericht%20%E2%82%AC.pdf"}
    web.routes["/a.php"] = Resource(BODY, headers=told)
    web.routes["/"] = Resource(BODY)

    assert brought(page(web), "/a.php", tmp_path).name == "Bericht €.pdf"
    assert brought(page(web), "/", tmp_path).name == "index.pdf"
