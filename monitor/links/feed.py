"""Links of a feed: RSS, Atom and RDF, what is enclosed first of all."""

from collections.abc import Iterator

from lxml import etree

from . import Document, Link, xml
from .urls import normalised

_LONGEST_TEXT = 500
_ENTRIES = frozenset({"item", "entry"})
#: rel of Atom's links that lead to what an entry is about.
_ATOM = frozenset({"", "alternate", "enclosure", "related", "via"})


def links(document: Document) -> Iterator[Link]:
    """The links of each item or entry: enclosures are files, whatever they are called."""
    root = xml.root_of(document.body, document.url)
    if root is None:
        return
    for entry in root.iter(etree.Element):
        if xml.name_of(entry) in _ENTRIES:
            title = xml.text_of(entry, "title")[:_LONGEST_TEXT]
            for place, base, file in _places(entry):
                url = normalised(place, base or document.url, dropped=document.dropped)
                if url:
                    yield Link(url, title, "feed", file)


def _places(entry: etree._Element) -> Iterator[tuple[str, str, bool]]:
    """What may be a link, what it is relative to, and whether it says that it is a file."""
    for child in entry.iter(etree.Element):
        base = child.base or ""
        match xml.name_of(child):
            case "link" if (rel := child.get("rel", "")) in _ATOM and child.get("href"):
                yield child.get("href"), base, rel == "enclosure"
            case "link" if child.text:
                yield child.text, base, False
            case "enclosure":
                # RSS has a url, RDF a resource in its own namespace.
                for name, value in child.attrib.items():
                    if name.rpartition("}")[2] in ("url", "resource"):
                        yield value, base, True
            case "content" if child.get("url") or child.get("src"):
                # Media RSS, and Atom's content elsewhere.
                yield child.get("url") or child.get("src"), base, False
