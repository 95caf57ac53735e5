"""Links of a document, whatever it is: one reader for each kind, chosen by what the bytes are."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from postroom import registry

READERS = {
    "html": "monitor.links.html:links",
    "feed": "monitor.links.feed:links",
    "sitemap": "monitor.links.sitemap:links",
}
_ROOTS = {
    b"rss": "feed",
    b"feed": "feed",
    b"rdf": "feed",
    b"urlset": "sitemap",
    b"sitemapindex": "sitemap",
}
#: The root element behind a declaration, comments and a document type.
_ROOT = re.compile(
    rb"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>\[]*(?:\[[^\]]*\]\s*)?>\s*)*"
    rb"<(?:[\w.-]+:)?(rss|feed|rdf|urlset|sitemapindex)[\s>/]",
    re.I | re.S,
)


class Document(NamedTuple):
    """What a server sent."""

    #: Where it was found in the end: relative links start here.
    url: str
    #: The Content-Type, with its parameters.
    type: str
    body: bytes
    #: A CSS selector: links count in these elements only.
    select: str = ""
    #: Parameters of URLs that make no other file, in small letters.
    dropped: frozenset[str] = frozenset()


class Link(NamedTuple):
    """A link as it stands in a document, joined to its base."""

    url: str
    text: str = ""
    #: Which of the elements of monitor.pages it stands in; "page" only leads on.
    element: str = "a"
    #: It says by itself that it is a file.
    file: bool = False


def links(document: Document) -> Iterator[Link]:
    """All links, in the order of the document; what cannot be read has none."""
    yield from registry.load(READERS, kind_of(document.body), "reader of links")(document)


def kind_of(body: bytes) -> str:
    """What the bytes are: servers call feeds by many names."""
    # Of UTF-16, every other byte is NUL.
    found = _ROOT.match(
        body[:4096].removeprefix(b"\xef\xbb\xbf").lstrip(b"\xff\xfe").replace(b"\0", b"")
    )
    return _ROOTS[found[1].lower()] if found else "html"
