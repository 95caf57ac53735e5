"""Watched pages, from a real web server to the API, the storage and the mail."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from monitor.service import REFUSED_SECONDS
from tests.chain import pages
from tests.chain.pages import bodies, digest, events, files, page
from tests.servers.daemons import Daemons
from tests.servers.smtp import SmtpServer
from tests.servers.swift import Swift
from tests.servers.web import Asked, Resource, WebServer
from tests.waiting import wait_until

TWO = {"a.pdf": b"one", "b.pdf": b"two"}


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def chain(daemons: Callable[..., Daemons], web: WebServer) -> Daemons:
    """API and master, running, for the page `docs` with two files."""
    files(web, TWO)
    running = daemons({}, {"page docs": page(web)})
    running.start("api", "master")
    return running


def test_new_files_are_stored_once_and_looked_for_again(chain: Daemons, web: WebServer) -> None:
    assert chain.look() == 0
    assert bodies(chain) == TWO
    assert events(chain) == {"file.found": 2, "file.stored": 2, "page.checked": 1}
    assert "docs: new file a.pdf, 3 bytes" in chain.log("look")

    assert chain.look() == 0

    assert events(chain) == {"file.found": 2, "file.stored": 2, "page.checked": 2}
    assert chain.log("look").count("docs: no new files at 20") == 1
    assert [asked.headers["If-None-Match"] is None for asked in web.asked
            if asked.path == "/a.pdf"] == [True, False]  # fmt: skip
    assert pages.spooled(chain) == []


def test_other_bytes_are_a_further_version(chain: Daemons, web: WebServer) -> None:
    chain.look()
    files(web, {**TWO, "a.pdf": b"one, mended"})

    assert chain.look() == 0

    assert bodies(chain)["a.pdf"] == b"one, mended"
    assert "docs: changed file a.pdf" in chain.log("look")
    (file,) = [each for each in chain.items("/v1/files") if each["download_url"].endswith("a.pdf")]
    held = chain.items(f"/v1/files/{file['id']}/versions")
    contents = {chain.get(f"/v1/files/{each['id']}/content") for each in held}
    assert contents == {b"one", b"one, mended"}


def test_a_file_that_fails_stops_no_other(chain: Daemons, web: WebServer) -> None:
    web.say("/a.pdf", 404)

    assert chain.look() == 1

    assert events(chain)["file.failed"] == events(chain)["file.stored"] == 1
    (failed,) = [each for each in chain.items("/v1/files") if each["state"] == "failed"]
    assert "404" in failed["error"]
    assert failed["next_try"]


def test_a_page_that_cannot_be_read_says_so_and_stops_no_other(
    daemons: Callable[..., Daemons], web: WebServer
) -> None:
    web.say("/broken", 403)
    files(web, TWO)
    chain = daemons({}, {"page broken": page(web, "/broken"), "page docs": page(web)})
    chain.start("api", "master")

    assert chain.look() == 1

    assert bodies(chain) == TWO
    assert "403" in chain.get("/v1/pages/broken")["error"]
    assert chain.look("docs") == 0


def test_a_page_that_lost_its_links_is_no_page_without_news(chain: Daemons, web: WebServer) -> None:
    assert chain.look() == 0
    web.links("/", [])

    assert chain.look() == 1

    assert "docs: a page that had 2 links and now has none" in chain.log("look")
    assert "docs: a page that had 2 links and now has none" in chain.log("master")
    assert "no new files" not in chain.log("look")
    assert events(chain)["source.failing"] == 1
    assert bodies(chain) == TWO


def test_links_that_one_message_cannot_hold_go_in_two(chain: Daemons, web: WebServer) -> None:
    long = "x" * 7_000
    web.links("/", [f"/{number}.pdf?{long}" for number in range(200)])
    for number in range(200):
        web.routes[f"/{number}.pdf"] = Resource(b"%d" % number)

    assert chain.look() == 0

    assert events(chain)["file.stored"] == 200
    assert chain.get("/v1/pages/docs")["links"] == 200


def test_a_look_and_a_download_are_made_when_somebody_asks(
    daemons: Callable[..., Daemons], web: WebServer
) -> None:
    files(web, TWO)
    web.then("/a.pdf", lambda asked: asked.send(404, {}), Resource(b"one"))
    sections = {"page docs": page(web, interval_seconds=3600), "monitor": {"pulse_seconds": 0.2}}
    chain = daemons({}, sections)
    chain.start("api", "master")
    chain.watch()
    wait_until(lambda: events(chain)["page.checked"] == 1, 20, "the first look")
    assert chain.get("/v1/pages/docs")["interval"] > 3000
    (failed,) = [each for each in chain.items("/v1/files") if each["state"] == "failed"]

    chain.post(f"/v1/files/{failed['id']}/retry", {})
    wait_until(lambda: len(bodies(chain)) == 2, 20, "the download")

    files(web, {**TWO, "c.pdf": b"three"})
    chain.post("/v1/pages/docs/check", {})
    wait_until(lambda: "c.pdf" in bodies(chain), 20, "the look")


def test_each_look_with_news_is_mailed_once(
    daemons: Callable[..., Daemons], web: WebServer, smtp: SmtpServer
) -> None:
    files(web, TWO)
    sections = {"page docs": page(web, interval_seconds=0.3), "digest": digest(smtp)}
    chain = daemons({}, sections)
    chain.start("api", "master")
    chain.watch()
    wait_until(lambda: smtp.mails, 20, "the digest")

    files(web, {**TWO, "a.pdf": b"one, mended"})
    wait_until(lambda: len(smtp.mails) > 1, 20, "the second digest")
    looks = events(chain)["page.checked"]
    wait_until(lambda: events(chain)["page.checked"] > looks + 1, 20, "further looks")

    assert [mail.mail["Subject"] for mail in smtp.mails] == [
        "2 new files: docs",
        "1 changed file: docs",
    ]
    assert [each["state"] for each in chain.items("/v1/digests")] == ["sent", "sent"]


def test_one_mail_a_day_tells_of_all_pages(
    daemons: Callable[..., Daemons], web: WebServer, smtp: SmtpServer
) -> None:
    files(web, {"a.pdf": b"one"}, "/first")
    files(web, {"b.pdf": b"two"}, "/second")
    sections = {
        "page first": page(web, "/first"),
        "page second": page(web, "/second"),
        # Passed since this day began.
        "digest": digest(smtp, at="00:00"),
    }
    chain = daemons({}, sections)
    chain.start("api", "master")

    assert [chain.look(), chain.look()] == [0, 0]

    (mail,) = smtp.mails
    assert mail.mail["Subject"] == "2 new files on 2 pages"
    (made,) = chain.items("/v1/digests")
    assert made["slot"] == datetime.now(UTC).date().isoformat()


def test_a_digest_that_cannot_be_mailed_is_put_off_and_comes_with_the_same_id(
    daemons: Callable[..., Daemons], web: WebServer, smtp: SmtpServer
) -> None:
    files(web, TWO)
    smtp.moods["DATA"] = ["451 later"]
    chain = daemons({}, {"page docs": page(web), "digest": digest(smtp)})
    chain.start("api", "master")

    assert chain.look() == 1

    (due,) = chain.items("/v1/digests")
    assert (due["state"], due["attempts"]) == ("due", 1)
    assert "451" in due["error"]


def test_digests_that_wait_do_not_slow_each_other(
    daemons: Callable[..., Daemons], web: WebServer, smtp: SmtpServer
) -> None:
    names = [f"page-{number}" for number in range(4)]
    for name in names:
        files(web, {f"{name}.pdf": name.encode()}, f"/{name}")
    smtp.moods["DATA"] = ["554 no"] * len(names)
    sections = {f"page {name}": page(web, f"/{name}") for name in names}
    chain = daemons({}, {**sections, "digest": digest(smtp)})
    chain.start("api", "master")

    assert chain.look() == 1

    told = re.findall(r"digest not mailed: .*; trying again in (\d+) s", chain.log("look"))
    assert len(told) == len(names)
    assert max(map(int, told)) <= REFUSED_SECONDS[0]


def test_files_are_kept_in_s3(
    daemons: Callable[..., Daemons], web: WebServer, swift: Swift, tmp_path
) -> None:
    large = b"0123456789abcdef" * 400_000
    files(web, {**TWO, "large.zip": large})
    own = {"endpoint": swift.endpoint, "bucket": swift.bucket, "prefix": tmp_path.name}
    s3 = {"storage": {"files": "s3"}, "storage s3": {**own, "part_megabytes": 5}}
    chain = daemons({}, {"page docs": page(web), **s3})
    chain.start("api", "master")

    assert chain.look() == 0

    assert bodies(chain) == {**TWO, "large.zip": large}
    urls = [each["storage_url"] for each in chain.items("/v1/files")]
    assert all(url.startswith(f"{swift.endpoint}/{swift.bucket}/{tmp_path.name}/") for url in urls)


def test_a_download_under_way_does_not_hold_up_the_end(chain: Daemons, web: WebServer) -> None:
    begun: list[Asked] = []

    def drip(asked: Asked) -> None:
        asked.head(200, {"Content-Length": "1000000"})
        begun.append(asked)
        while not asked.closing.is_set():
            asked.write(b"x")
            time.sleep(0.05)

    web.routes["/b.pdf"] = drip
    monitor = chain.watch()
    wait_until(lambda: begun, 20, "the download")

    monitor.terminate()

    assert monitor.wait(10) == 0
    # What was whole is not lost, and nothing has failed.
    assert bodies(chain) == {"a.pdf": b"one"}
    assert events(chain)["file.failed"] == 0
    assert pages.spooled(chain) == []


def test_what_goes_down_in_between_is_waited_for(chain: Daemons, web: WebServer) -> None:
    chain.kill("api")
    chain.kill("master")
    monitor = chain.watch("--once")
    wait_until(lambda: "no answer from Master" in chain.log("monitor"), 20, "its complaint")

    chain.start("master")
    chain.start("api")

    assert monitor.wait(60) == 0
    assert bodies(chain) == TWO


def test_many_looks_come_by_themselves(daemons: Callable[..., Daemons], web: WebServer) -> None:
    files(web, TWO)
    chain = daemons({}, {"page docs": page(web, interval_seconds=0.2)})
    chain.start("api", "master")
    monitor = chain.watch()
    wait_until(lambda: events(chain)["page.checked"] > 3, 20, "four looks")
    web.say("/", 500)
    wait_until(lambda: chain.get("/v1/pages/docs")["error"], 40, "the error")

    assert "500" in chain.get("/v1/pages/docs")["error"]
    assert events(chain)["file.stored"] == 2
    monitor.terminate()
    assert monitor.wait(10) == 0
