"""Links are found in whatever a server sends: broken HTML of any charset, feeds, sitemaps."""

import tracemalloc
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.links import Document, Link, kind_of, links

URL = "http://example.org/a/"


def found(
    body: str | bytes, type_: str = "text/html; charset=utf-8", select: str = ""
) -> list[Link]:
    raw = body.encode() if isinstance(body, str) else body
    return list(links(Document(URL, type_, raw, select)))


def paths(body: str | bytes, type_: str = "text/html", select: str = "") -> list[str]:
    return [link.url.removeprefix("http://example.org") for link in found(body, type_, select)]


# --- HTML


def test_each_element_tells_what_it_is():
    body = """<link rel="alternate" type="application/pdf" href="l.pdf" title="One">
        <link rel="Stylesheet" href="s.css"><link rel="shortcut icon" href="i.ico">
        <link rel=alternate type="application/rss+xml" href="feed">
        <a href="a.pdf" title="no">A <b>bold</b>
            one</a><a href="d" download>D</a><a href="e" title="E"></a><a name="x">none</a>
        <video src="v.mp4"><source src="s.webm"></video><map><area href="m.pdf" alt="M"></map>"""

    assert [(link.url[21:], link.text, link.element, link.file) for link in found(body)] == [
        ("l.pdf", "One", "link", False),
        ("s.css", "", "", False),
        ("i.ico", "", "", False),
        ("feed", "", "page", False),
        ("a.pdf", "A bold one", "a", False),
        ("d", "D", "download", True),
        ("e", "E", "a", False),
        ("v.mp4", "", "source", False),
        ("s.webm", "", "source", False),
        ("m.pdf", "M", "a", False),
    ]


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ('<base href="/b/">', "http://example.org/b/x.pdf"),
        ('<base target="_blank"><base href="//cdn.example/">', "http://cdn.example/x.pdf"),
        ('<base href="javascript:x">', "http://example.org/a/x.pdf"),
        ('<base href="c"><base href="/d/">', "http://example.org/a/x.pdf"),
    ],
)
def test_a_base_is_where_relative_links_start(base, url):
    assert [link.url for link in found(f'{base}<a href="x.pdf">x</a>')] == [url]


@pytest.mark.parametrize(
    "body",
    [
        '<a href="x.pdf">x',
        "<table><tr><td><a href=x.pdf>x</td><p></table>",
        "<<a href='x.pdf' <b>>x</a></html></html>",
        "<!-- <a href='no.pdf'> --><script>'<a href=no.pdf>'</script><a href='x.pdf'>x</a>",
        "<?xml version='1.0' encoding='x-unknown'?><html><a href='x.pdf'/></html>",
        "<a\x00 href='x.pdf'>x</a>",
        "</a></a></body><a href='x.pdf'>x</a>",
        "<font><div>" * 3000 + "<a href='x.pdf'>x</a>",
    ],
)
@pytest.mark.parametrize("select", ["", "*"])
def test_broken_html_has_its_links(body, select):
    assert paths(body, select=select) == ["/a/x.pdf"]


def test_a_selector_chooses_links_or_what_they_stand_in():
    body = """<a href=no.pdf>x</a><ul class=files><li><a href=1.pdf>1</a>
        <li><a href=2.pdf>2</a></ul>
        <a class=file href=3.pdf>3</a>"""

    assert paths(body, select="ul.files, li, a.file") == ["/a/1.pdf", "/a/2.pdf", "/a/3.pdf"]
    assert paths(body, select="table") == []


@pytest.mark.parametrize("body", [b"", b"x", b"http://example.org/a", b"\x00\xff", b"a.html"])
def test_what_is_no_page_has_no_links(body):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found(body) == []


# --- charsets

RUSSIAN = '<a href="/?q=Отчёт">Годовой отчёт организации за прошлый год</a>'


@pytest.mark.parametrize(
    ("codec", "type_", "meta"),
    [
        ("utf-8", "text/html; charset=utf-8", ""),
        ("utf-8", "text/html", ""),
        ("utf-8-sig", "text/html; charset=windows-1251", ""),
        ("cp1251", 'text/html; charset="Windows-1251"', '<meta charset="utf-8">'),
        ("cp1251", "text/html", '<meta charset="windows-1251">'),
        (
            "koi8-r",
            "text/html",
            '<meta http-equiv=Content-Type content="x; charset=KOI8-R">',
        ),
        ("cp1251", "text/html; charset=utf-8", ""),
        ("cp1251", "text/html", ""),
        ("cp1251", "text/html; charset=no-such", '<meta charset="no-such-either">'),
        ("utf-16", "text/html", ""),
        ("utf-16-le", "text/html; charset=utf-16", ""),
        ("utf-16-be", "text/html", ""),
        ("utf-8", "text/html", '<meta charset="utf-16">'),
    ],
)
def test_a_text_is_read_in_the_charset_it_has(codec, type_, meta):
    (link,) = found(f"<html><head>{meta}</head><body>{RUSSIAN}".encode(codec), type_)

    assert link.text == "Годовой отчёт организации за прошлый год"


def test_latin_1_is_what_browsers_take_it_for():
    (link,) = found("<a href=x>“Prix” 5 €</a>".encode("cp1252"), "text/html; charset=ISO-8859-1")

    assert link.text == "“Prix” 5 €"


@given(
    st.binary(max_size=400) | st.text(max_size=200).map(lambda text: f"<a href={text}>".encode())
)
def test_no_bytes_are_an_error(body):
    for type_ in ("text/html", "text/html; charset=utf-16", "x"):
        found(body, type_)
    for root in (b"<rss>", b"<urlset>", b"<feed xml:base='//['>"):
        found(root + body)


# --- feeds

RSS = """<?xml version="1.0"?><!-- made by hand -->
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>
  <link>http://example.org/</link><atom:link href="/self.xml" rel="self"/>
  <item><title>One &amp; only</title><link>http://example.org/1.html</link>
    <enclosure url="/1.mp3" type="audio/mpeg" length="1"/></item>
  <item><title><![CDATA[Two]]></title><link> /2.pdf </link></item>
  <item><media:content xmlns:media="http://search.yahoo.com/mrss/" url="/3.mp4"/></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="http://example.org/feed/">
  <link rel="self" href="self"/>
  <entry xml:base="e/"><title>One</title><link href="1.html"/>
    <link rel="enclosure" href="1.bin"/><link rel="edit" href="edit"/></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
  xmlns="http://purl.org/rss/1.0/" xmlns:enc="http://purl.oclc.org/net/rss_2.0/enc#">
  <channel><link>/no</link></channel>
  <item><title>One</title><link>/1.pdf</link><enc:enclosure rdf:resource="/1.zip"/></item>
</rdf:RDF>"""


def test_rss_has_links_and_enclosures_by_title():
    assert [(link.url[18:], link.text, link.file) for link in found(RSS, "text/html")] == [
        ("/1.html", "One & only", False),
        ("/1.mp3", "One & only", True),
        ("/2.pdf", "Two", False),
        ("/3.mp4", "", False),
    ]


def test_atom_links_start_at_their_bases():
    assert [(link.url[18:], link.file) for link in found(ATOM)] == [
        ("/feed/e/1.html", False),
        ("/feed/e/1.bin", True),
    ]


def test_rdf_has_links_and_enclosures():
    assert [(link.url[18:], link.file) for link in found(RDF)] == [
        ("/1.pdf", False),
        ("/1.zip", True),
    ]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (RSS, "feed"),
        (ATOM, "feed"),
        (RDF, "feed"),
        ("\ufeff" + RSS, "feed"),
        ('<!DOCTYPE rss PUBLIC "x" "http://x" [<!ENTITY a "b">]><rss/>', "feed"),
        ("<?xml version='1.0'?><urlset/>", "sitemap"),
        ("<ns:sitemapindex xmlns:ns='x'>", "sitemap"),
        ("<html><rss>", "html"),
        ("<feedback>", "html"),
        ("rss", "html"),
    ],
)
def test_the_kind_is_what_the_bytes_say(body, kind):
    assert kind_of(body.encode()) == kind
    assert kind_of(body.encode("utf-16")) == kind


def test_a_broken_feed_has_what_can_be_read():
    body = "<rss><channel><item><link>/1.pdf</link>&nbsp;<b></item><item><link>/2.pdf</link>"

    assert [*dict.fromkeys(paths(body))] == ["/1.pdf", "/2.pdf"]


# --- XML from strangers


def test_entities_neither_grow_nor_read_files(tmp_path):
    (tmp_path / "secret").write_text("secret")
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    body = f"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY l0 "/ha">{laughs}
        <!ENTITY f SYSTEM "file://{tmp_path}/secret">]>
        <rss><channel><item><link>/&f;.pdf</link><title>&l9;</title></item>
        <item><enclosure url="/&l9;"/></item></channel></rss>"""

    tracemalloc.start()
    urls = found(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1_000_000
    assert "secret" not in repr(urls)
    assert "haha" not in repr(urls)


def test_no_document_type_is_fetched(web):
    body = f'<!DOCTYPE rss SYSTEM "{web.url}/rss.dtd"><rss><item><link>/1.pdf</link></item></rss>'

    assert paths(body) == ["/1.pdf"]
    assert web.connections == 0


# --- sitemaps


def test_a_sitemap_has_its_urls_and_an_index_its_sitemaps():
    body = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
        <url><loc> http://example.org/1.pdf?utm_source=x </loc><lastmod>x</lastmod></url>
        <url><lastmod>x</lastmod></url></urlset>"""
    index = "<sitemapindex><sitemap><loc>/2.xml</loc></sitemap></sitemapindex>"

    assert found(body) == [Link("http://example.org/1.pdf", "", "sitemap")]
    assert found(index) == [Link("http://example.org/2.xml", "", "index")]
