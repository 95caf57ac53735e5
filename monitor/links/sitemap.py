"""Links of a sitemap (sitemaps.org): pages and files, and the sitemaps of an index."""

from collections.abc import Iterator

from lxml import etree

from . import Document, Link, xml
from .urls import normalised


def links(document: Document) -> Iterator[Link]:
    """What each <loc> of a <url> or a <sitemap> names."""
    root = xml.root_of(document.body, document.url)
    if root is None:
        return
    for entry in root.iter(etree.Element):
        kind = xml.name_of(entry)
        if kind in ("url", "sitemap"):
            place = xml.text_of(entry, "loc")
            url = normalised(place, document.url, dropped=document.dropped) if place else None
            if url:
                yield Link(url, "", "sitemap" if kind == "url" else "index")
