"""One file is one URL, however a page writes it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.links.urls import LONGEST, normalised

BASE = "http://example.org/a/b/page.html?x=1"

SAME = {
    "http://example.org/a/c.pdf": [
        "../c.pdf",
        "./../c.pdf",
        "/a/c.pdf#page=3",
        "//example.org/a/c.pdf",
        " \n/a/\tc.pdf\r ",
        "HTTP://EXAMPLE.ORG:80/a/./x/../c.pdf",
        "http://example.org./a/c.pdf",
        "http:/a/c.pdf",
        "/../../a/%63.pdf",
        "/a/c%2Epdf",
        "/a/%2e/c.pdf",
        "\\a\\c.pdf",
        "http://user:secret@example.org/a/c.pdf",
        "/a/c.pdf?utm_source=mail&UTM_Campaign=x&gclid=1&fbclid=2",
        "/a/c.pdf;jsessionid=0A1B?",
        "/a/c.pdf?PHPSESSID=7",
        "http://%65xample.org/a/c.pdf",
    ],
    "http://example.org/caf%C3%A9%20%5Bx%5D.pdf": ["/café [x].pdf", "/caf%c3%a9%20[x].pdf"],
    "http://example.org/100%25.pdf": ["/100%.pdf", "/100%25.pdf"],
    "http://example.org/get?b=2&a=1": ["/get?b=2&utm_medium=x&a=1", "/get?b=2&a=1#top"],
    "http://xn--bcher-kva.example/": ["http://Bücher.example", "http://bu\u0308cher.example/"],
    "http://xn--fiqs8s.example/": ["http://中国.example", "http://中国。example"],
    "https://example.org:8443/": ["https://example.org:8443", "https://example.org:08443/#a"],
    "http://[2001:db8::1]/": ["http://[2001:0db8:0:0::1]:80/"],
    "http://example.org/a/b/page.html?x=1": ["", "#top", "page.html?x=1"],
    "http://example.org/a/b/?y": ["?y", "./?y"][1:],
    "http://example.org/a//b": ["/a//b", "http:////example.org/a//b"],
}


@pytest.mark.parametrize(
    ("href", "url"), [(href, url) for url, hrefs in SAME.items() for href in hrefs]
)
def test_what_means_the_same_is_written_alike(href, url):
    assert normalised(href, BASE) == url


@pytest.mark.parametrize(
    "href",
    [
        "javascript:void(0)",
        " JavaScript:x",
        "java\nscript:x",
        "mailto:a@example.org",
        "data:text/html,x",
        "ftp://example.org/a.pdf",
        "file:///etc/passwd",
        "tel:123",
        "http://",
        "http:\\\\?x",
        "http://#x",
        "http://[::1",
        "http://exa mple.org/",
        "http://example.org:port/",
        "http://example.org:99999/",
        "http://\u2603\ufffe/",
        "http://a..example/",
        "http://" + "a" * 300,
    ],
)
def test_what_is_no_web_address_is_none(href):
    assert normalised(href, BASE) is None


def test_a_link_too_long_is_skipped_and_told(caplog):
    caplog.set_level("INFO")

    assert normalised("/" + "a" * LONGEST, BASE) is None
    assert normalised("/" + "a" * 3 * LONGEST, BASE) is None
    assert normalised("/" + "a" * (LONGEST - 100), BASE)

    assert [record.getMessage()[:15] for record in caplog.records] == ["skipped: a link"] * 2


def test_the_order_of_parameters_is_kept_and_own_ones_can_be_dropped():
    url = normalised("/get?z=1&V=9&a=2&ts", BASE, dropped=frozenset({"v", "ts"}))

    assert url == "http://example.org/get?z=1&a=2"


def test_a_whole_url_keeps_what_trackers_put_there():
    assert normalised("/a?utm_source=x", BASE, whole=True) == "http://example.org/a?utm_source=x"


def test_a_query_is_written_in_the_charset_of_its_page():
    assert normalised("/?q=é", BASE, charset="cp1252") == "http://example.org/?q=%E9"
    assert normalised("/é?q=ж", BASE, charset="cp1252") == "http://example.org/%C3%A9?q=%D0%B6"


PIECES = [
    "http://", "https:", "//", "/", "\\", ".", "..", "?", "#", "%", "%2", "%2e", "%2F", "%25", "&",
    "=", ";jsessionid=", "utm_a", "é", "ü.example", ":80", "@", "[", "]", "a", "B", "xn--", "::1",
    "127.1", "\u3002", "\u200d", "ß", "\ud800", "+", "%E9", "%zz", " ", "\t",
]  # fmt: skip
pieces = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(pieces | st.text() | st.text().map("http://example.org/".__add__))
@example("http:////%2e%2e")
@example("/%25%32%65")
@example("/a;jsessionid=1;jsessionid=2")
@example("/a/..;jsessionid=1")
def test_a_normal_url_stays_as_it_is(href):
    url = normalised(href, BASE)

    if url is not None:
        assert normalised(url, "https://elsewhere.example/") == url
        assert url.isascii()
        assert url.startswith(("http://", "https://"))
