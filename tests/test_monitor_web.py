"""A page is asked for as told: redirects, logins, cookies, limits of bytes and time."""

import base64
import gzip
import threading
import zlib
from typing import Any

import pytest

from monitor import looking
from monitor.web import Hosts, Web
from monitor.web.client import MAX_REDIRECTS
from monitor.web.decode import decoded
from postroom.errors import SourceError, TemporaryError
from tests.servers.web import WebServer
from tests.watched import looked, page, paths

FILE = '<a href="/a.pdf">A</a>'


@pytest.fixture
def other():
    """Another server; by its port alone another origin."""
    server = WebServer()
    yield server
    server.close()


# --- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_links_start_where_it_ends(web, status):
    web.redirect("/", "/new/?a=é", status)
    web.serve("/new/", '<a href="a.pdf">A</a>')

    assert paths(page(web)) == ["/new/a.pdf"]
    assert web.paths == ["/", "/new/?a=%C3%A9"]


def test_too_many_redirects_are_an_error(web):
    web.redirect("/", "/")

    with pytest.raises(SourceError, match=f"more than {MAX_REDIRECTS} redirects"):
        looked(page(web))
    assert len(web.paths) == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://example.org/", "javascript:x", "http://["]
)
def test_a_redirect_leads_to_the_web_only(web, target):
    web.redirect("/", target)

    with pytest.raises(SourceError, match="no http address"):
        looked(page(web))


def test_a_redirect_without_a_target_is_an_error(web):
    web.say("/", 302)

    with pytest.raises(SourceError, match="answers 302"):
        looked(page(web))


# --- secrets


def secret_headers(asked):
    return {name: asked.headers[name] for name in ("Authorization", "Cookie", "X-Key")}


def test_login_headers_and_cookies_go_to_the_page(web):
    web.serve("/", FILE)
    options: dict[str, Any] = {
        "headers": ("X-Key: abc, def", "Accept-Language: de"),
        "cookies": "a=1; b=2",
    }
    looked(page(web, user="ann", password="päss", user_agent="Reader/1", **options))

    for asked in web.asked:
        pair = base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode()
        assert pair == "ann:päss"
        assert asked.headers["X-Key"] == "abc, def"
        assert asked.headers["Cookie"] == "a=1; b=2"
        assert asked.headers["User-Agent"] == "Reader/1"


def test_no_secret_goes_to_another_server(web, other):
    web.redirect("/", other.url + "/")
    other.serve("/", FILE, Set_Cookie="theirs=1")
    options: dict[str, Any] = {
        "user": "ann",
        "password": "x",
        "headers": ("X-Key: abc",),
        "cookies": "a=1",
    }
    looked(page(web, **options))

    nothing = {"Authorization": None, "Cookie": None, "X-Key": None}
    assert [secret_headers(asked) for asked in other.asked] == [nothing] * 2


def test_a_cookie_goes_back_to_the_server_that_set_it(web, other):
    web.routes["/"] = lambda asked: asked.send(
        302, {"Location": "/in", "Set-Cookie": "seen=1; Path=/; HttpOnly"}
    )
    web.redirect("/in", other.url + "/")
    other.redirect("/", web.url + "/end")
    web.serve("/end", FILE)
    looked(page(web, cookies="a=1"))

    assert [asked.headers["Cookie"] for asked in web.asked if asked.path in ("/in", "/end")] == [
        "a=1; seen=1"
    ] * 2
    assert {asked.headers["Cookie"] for asked in other.asked} == {None}


def test_proxies_and_netrc_of_the_environment_are_left_alone(web, other, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ann password secret")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, other.url)
    web.serve("/", FILE)

    assert paths(page(web)) == ["/a.pdf"]
    assert other.connections == 0
    assert {asked.headers["Authorization"] for asked in web.asked} == {None}


# --- bytes


def test_a_compressed_page_is_unpacked(web):
    raw = FILE.encode()
    bare = zlib.compressobj(wbits=-15)
    for number, (encoding, body) in enumerate(
        [
            ("gzip", gzip.compress(raw)),
            ("x-gzip", gzip.compress(raw[:5]) + gzip.compress(raw[5:]) + b"\0\0"),
            ("deflate", zlib.compress(raw)),
            ("deflate", bare.compress(raw) + bare.flush()),
            ("identity", raw),
        ]
    ):
        web.serve(f"/{number}", body, Content_Encoding=encoding)
        assert paths(page(web, f"/{number}")) == ["/a.pdf"]


@pytest.mark.parametrize(
    ("body", "encoding", "error"),
    [
        (b"no gzip", "gzip", "cannot be unpacked"),
        (b"x", "br", "compresses in a way that nobody asked for"),
        (gzip.compress(b"a" * 999)[:-9], "gzip", "ends too early"),
    ],
    ids=["rubbish", "unasked", "cut"],
)
def test_what_cannot_be_unpacked_is_an_error(web, body, encoding, error):
    web.serve("/", body, Content_Encoding=encoding)

    with pytest.raises((SourceError, TemporaryError), match=error):
        looked(page(web))


def test_a_bomb_is_seen_before_it_has_grown(web, monkeypatch):
    monkeypatch.setattr(looking, "MAX_PAGE", 100_000)
    once = gzip.compress(b"\0" * 50_000_000)
    web.serve("/", once, Content_Encoding="gzip")

    with pytest.raises(SourceError, match="has more than 100,000 bytes"):
        looked(page(web))
    assert max(map(len, decoded([once], "gzip"))) <= 65_536


def endless(asked):
    """More and more, as long as somebody listens."""
    try:
        while not asked.closing.is_set():
            asked.write(b"x" * 65_536)
    except OSError:
        asked.cut()


def endless_body(asked):
    asked.head(200, {})
    endless(asked)


def endless_header(asked):
    asked.write(b"HTTP/1.1 200 OK\r\nX: ")
    endless(asked)


def endless_chunk_size(asked):
    asked.head(200, {"Transfer-Encoding": "chunked"})
    endless(asked)


def endless_continue(asked):
    try:
        while not asked.closing.is_set():
            asked.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
    except OSError:
        asked.cut()


@pytest.mark.parametrize(
    "answer", [endless_body, endless_header, endless_chunk_size, endless_continue]
)
def test_a_page_without_end_is_given_up(web, monkeypatch, answer):
    monkeypatch.setattr(looking, "MAX_PAGE", 1_000_000)
    web.routes["/"] = answer

    with pytest.raises((SourceError, TemporaryError)):
        looked(page(web, timeout_seconds=60.0))


# --- time


def dripping(head: bytes):
    """A byte now and then: no single silence is long."""

    def answer(asked):
        try:
            asked.write(head)
            while not asked.closing.wait(0.02):
                asked.write(b"x")
        except OSError:
            asked.cut()

    return answer


@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"],
)
def test_a_page_that_drips_takes_no_longer_than_it_may(web, head):
    web.routes["/"] = dripping(head)

    with pytest.raises(TemporaryError, match=r"takes longer than 0\.5 s"):
        looked(page(web, timeout_seconds=0.5, robots=False))


def test_a_server_that_says_nothing_is_given_up(web):
    web.routes["/"] = lambda asked: asked.closing.wait(60)

    with pytest.raises(TemporaryError):
        looked(page(web, timeout_seconds=0.3, robots=False))


def test_a_look_ends_when_all_is_to_end(web):
    stop, begun = threading.Event(), threading.Event()

    def silent(asked):
        begun.set()
        asked.closing.wait(60)

    web.routes["/"] = silent
    watched = page(web, timeout_seconds=3600.0)

    def end():
        begun.wait(60)
        stop.set()

    threading.Thread(target=end).start()

    with Web(watched, Hosts(), stop) as client, pytest.raises(TemporaryError, match="operator"):
        looking.look(watched, client)


# --- answers


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "set user and password_file"),
        (403, "does not let us in"),
        (404, "nothing"),
        (410, "nothing"),
    ],
)
def test_a_refusal_says_what_to_do_and_is_not_repeated(web, status, advice):
    web.say("/", status)

    with pytest.raises(SourceError, match=f"answers {status}.*{advice}"):
        looked(page(web))
    assert web.paths == ["/"]


def test_a_server_that_stumbles_is_asked_three_times(web):
    web.then(
        "/",
        *[lambda asked: asked.send(502, {})] * 2,
        lambda asked: asked.send(200, {}, FILE.encode()),
    )
    assert paths(page(web)) == ["/a.pdf"]

    web.say("/", 500)
    with pytest.raises(TemporaryError, match="answers 500"):
        looked(page(web))
    assert web.paths == ["/"] * 6


def test_a_connection_that_breaks_is_made_anew(web):
    def cut(asked):
        asked.head(200, {"Content-Length": "1000"})
        asked.write(b"x")
        asked.cut()

    web.then("/", lambda asked: asked.cut(), cut, lambda asked: asked.send(200, {}, FILE.encode()))

    assert paths(page(web)) == ["/a.pdf"]


def test_nobody_who_answers_is_for_later(free_port, web):
    with pytest.raises(TemporaryError, match="Connection refused"):
        looked(page(web, url=f"http://127.0.0.1:{free_port}/"))


def test_what_is_no_http_is_for_later(web):
    web.routes["/"] = lambda asked: asked.write(b"220 mail.example ESMTP\r\n")

    with pytest.raises(TemporaryError, match="does not answer"):
        looked(page(web, robots=False, timeout_seconds=1.0))


def test_waits_double_with_each_try(web, monkeypatch):
    waited = []
    monkeypatch.setattr(threading.Event, "wait", lambda _, seconds=None: waited.append(seconds))
    with Web(page(web, pause_seconds=1.5), Hosts(), threading.Event()) as client:
        client.wait(1)
        client.wait(2)

    assert waited == [3.0, 6.0]


def test_time_does_not_run_while_a_host_rests(web):
    web.serve("/", FILE)

    # The page comes after robots.txt, and so after a pause that is longer than the time.
    assert paths(page(web, pause_seconds=0.8, timeout_seconds=0.6)) == ["/a.pdf"]
