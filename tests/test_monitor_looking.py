"""A look finds the files that the page is watched for, once each, also on the pages it leads to."""

import pytest

from monitor.looking import Found
from postroom.errors import SourceError
from tests.watched import looked, page, paths


def test_each_file_is_found_once_in_the_order_of_the_page(web):
    web.serve(
        "/",
        """<a href="b.pdf"></a><a href="/a.pdf?utm_source=x">A</a><a href="/b.pdf#2">B</a>
        <a href="./a.pdf">Again</a><a href="page.html">Page</a><a href="/">Here</a>""",
    )

    assert looked(page(web)) == [Found(f"{web.url}/b.pdf", "B"), Found(f"{web.url}/a.pdf", "A")]


def test_what_counts_is_what_the_section_says(web):
    web.serve(
        "/",
        """<a href="1.pdf">Report</a><a href="2.PDF">Draft report</a><a href="3.csv">Report</a>
        <a href="/get?file=4.pdf&x=1">Report</a><a href="5">Report</a><a href="6" download>6</a>
        <div id=old><a href="7.pdf">Report</a></div><link href="8.pdf"><source src="9.pdf">""",
    )

    def found(**options):
        return [path.removeprefix("/") for path in paths(page(web, **options))]

    assert found(extensions=("pdf",)) == [
        "1.pdf", "2.PDF", "get?file=4.pdf&x=1", "6", "7.pdf", "8.pdf", "9.pdf",
    ]  # fmt: skip
    assert found(extensions=(".CSV",)) == ["3.csv", "6"]
    assert found(extensions=("*",), elements=("a",))[:5] == [
        "1.pdf", "2.PDF", "3.csv", "get?file=4.pdf&x=1", "5",
    ]  # fmt: skip
    assert found(elements=("download", "source")) == ["6", "9.pdf"]
    assert found(select="#old") == ["7.pdf"]
    assert found(url_pattern=r"/[12]\.") == ["1.pdf", "2.PDF"]
    assert found(text_pattern="^Rep", skip_pattern=r"\?|csv") == ["1.pdf", "7.pdf"]
    assert found(text_pattern="(?i)draft") == ["2.PDF"]
    assert found(skip_pattern="Draft|old", extensions=("pdf",), elements=("a",))[:2] == [
        "1.pdf", "get?file=4.pdf&x=1",
    ]  # fmt: skip


def test_parameters_that_make_no_other_file_are_dropped(web):
    web.links("/", ["/a.pdf?v=1", "/a.pdf?V=2", "/a.pdf?v=3&w=1"])

    assert paths(page(web, drop_parameters=("V",))) == ["/a.pdf", "/a.pdf?w=1"]


def test_only_files_of_the_same_host_count_unless_others_may(web):
    urls = [f"{web.url}/1.pdf", "http://www.127.0.0.1/2.pdf", f"{web.at('localhost')}/3.pdf"]
    web.links("/", urls)

    # With www. or without it is the same to people.
    assert [found.url for found in looked(page(web))] == urls[:2]
    assert [found.url for found in looked(page(web, same_host=False))] == urls


def test_the_files_of_a_page_that_has_moved_to_another_host_count(web):
    web.redirect("/", web.at("localhost") + "/new")
    web.links("/new", ["/1.pdf"])

    assert paths(page(web, allow_hosts=("127.0.0.1", "localhost"))) == ["/1.pdf"]


def test_no_more_links_count_than_may_and_that_is_told(web, caplog):
    web.links("/", [f"/{number}.pdf" for number in range(20)])

    assert len(looked(page(web, max_links=20))) == 20
    assert not caplog.records
    assert paths(page(web, max_links=3)) == ["/0.pdf", "/1.pdf", "/2.pdf"]
    assert "reports: only the first 3 of 20 links count" in caplog.text


# --- pages that a page leads to


@pytest.fixture
def site(web):
    """A page that leads to others, with a file on each."""
    web.links("/", ["/0.pdf", "/a", "/b.html?x=1", "/a#2", "/logo.png", web.at("localhost") + "/c"])
    web.links("/a", ["/1.pdf", "/", "/deeper"])
    web.links("/b.html", ["2.pdf", "0.pdf"])
    web.links("/deeper", ["/3.pdf"])
    return web


def test_at_depth_0_only_the_page_is_read(site):
    assert paths(page(site)) == ["/0.pdf"]
    assert site.paths == ["/"]


def test_at_depth_1_the_pages_of_the_same_host_are_read_as_well(site):
    assert paths(page(site, depth=1)) == ["/0.pdf", "/1.pdf", "/2.pdf"]
    assert site.paths == ["/", "/a", "/b.html?x=1"]


def test_no_more_pages_are_read_than_may(web):
    web.links("/", [f"/{number}" for number in range(20)])
    paths(page(web, depth=1, max_pages=5))

    assert len(web.paths) == 6


def test_a_page_below_that_fails_does_not_fail_the_look(site, caplog):
    caplog.set_level("INFO")
    site.say("/a", 404)

    assert paths(page(site, depth=1)) == ["/0.pdf", "/2.pdf"]
    assert "/a: not read: " in caplog.text


def test_where_the_server_has_enough_what_was_found_is_told(site, caplog):
    site.say("/a", 429, Retry_After="600")

    assert paths(page(site, depth=1)) == ["/0.pdf"]
    assert site.paths == ["/", "/a"]
    assert "nor what follows" in caplog.text


def test_the_page_itself_must_be_there(web):
    with pytest.raises(SourceError):
        looked(page(web))


def test_a_large_page_is_read_and_a_huge_one_is_not(web, monkeypatch):
    web.links("/", [f"/{number}.pdf" for number in range(10_000)])
    assert len(looked(page(web, max_links=50_000))) == 10_000

    monkeypatch.setattr("monitor.looking.MAX_PAGE", 100_000)
    with pytest.raises(SourceError):
        looked(page(web))


# --- feeds and sitemaps


def test_a_feed_is_a_page_and_leads_to_pages(web):
    web.serve(
        "/feed",
        """<rss><channel><item><link>/news/1</link><title>One</title>
        <enclosure url="/1.bin"/></item><item><link>/2.pdf</link></item></channel></rss>""",
        "application/rss+xml",
    )
    web.links("/news/1", ["/3.pdf"])

    assert paths(page(web, "/feed")) == ["/1.bin", "/2.pdf"]
    assert paths(page(web, "/feed", depth=1)) == ["/1.bin", "/2.pdf", "/3.pdf"]
    assert paths(page(web, "/feed", elements=("a",))) == []


def test_a_page_leads_to_its_feed(web):
    web.serve("/", '<link rel="alternate" type="application/atom+xml" href="/feed.xml">')
    web.serve("/feed.xml", '<feed><entry><link href="1.pdf"/></entry></feed>', "text/xml")

    assert paths(page(web, extensions=("pdf",), depth=1)) == ["/1.pdf"]


def test_a_sitemap_leads_on_to_its_parts_whatever_the_depth(web):
    web.serve(
        "/sitemap.xml",
        f"""<sitemapindex><sitemap><loc>{web.url}/1.xml</loc></sitemap>
        <sitemap><loc>http://elsewhere.example/2.xml</loc></sitemap></sitemapindex>""",
        "application/xml",
    )
    web.serve("/1.xml", "<urlset><url><loc>/1.pdf</loc></url><url><loc>/page</loc></url></urlset>")
    web.links("/page", ["/2.pdf"])

    assert paths(page(web, "/sitemap.xml")) == ["/1.pdf"]
    assert paths(page(web, "/sitemap.xml", depth=1)) == ["/1.pdf", "/2.pdf"]


def test_an_index_that_leads_to_itself_ends(web):
    web.serve("/s.xml", "<sitemapindex><sitemap><loc>/s.xml</loc></sitemap></sitemapindex>")

    assert paths(page(web, "/s.xml")) == []
    assert web.paths == ["/s.xml"]
