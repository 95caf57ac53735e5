"""Links of an HTML page, however broken, by beautifulsoup4."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.builder._lxml import LXMLTreeBuilder
from bs4.element import NavigableString
from lxml import etree

from . import Document, Link
from .charset import decoded
from .urls import normalised

LONGEST_TEXT = 500
#: Where each element has its link.
_PLACES = {
    "a": "href",
    "area": "href",
    "link": "href",
    "source": "src",
    "audio": "src",
    "video": "src",
}
_WANTED = frozenset({*_PLACES, "base"})
#: <link> to what a page is made of, or to itself in other words.
_FURNITURE = frozenset({
    "stylesheet", "icon", "shortcut", "apple-touch-icon", "mask-icon", "preconnect",
    "dns-prefetch", "preload", "prefetch", "modulepreload", "prerender", "manifest", "canonical",
    "search", "pingback", "shortlink", "edituri",
})  # fmt: skip
_FEEDS = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml"})
_DECLARATION = re.compile(r"\s*<\?xml[^>]*>", re.I)


class _Builder(LXMLTreeBuilder):
    """Lets no depth stop it: a row with an unclosed element, a thousand times, is a common page."""

    def parser_for(self, encoding: str | None) -> Any:
        return etree.HTMLParser(target=self, recover=True, huge_tree=True, encoding=encoding)


class _OnlyLinks(_Builder):
    """Builds the elements that hold links, and none else: most of a page costs nothing then."""

    _open = 0

    def start(self, tag: Any, attrib: Any, nsmap: Mapping[str, str] = {}) -> None:
        if tag in _WANTED:
            self._open += tag == "a"
            super().start(tag, attrib)

    def end(self, tag: Any) -> None:
        if tag in _WANTED:
            self._open -= tag == "a"
            super().end(tag)

    def data(self, data: Any) -> None:
        if self._open:
            super().data(data)

    def comment(self, text: Any) -> None:
        pass

    def pi(self, target: str, data: str) -> None:
        pass


def links(document: Document) -> Iterator[Link]:
    """The links of <a>, <area>, <link>, <source>, <audio> and <video>."""
    text, charset = decoded(document.body, document.type)
    text = _DECLARATION.sub("", text.replace("\0", ""), count=1)
    if "<" not in text:
        return
    # A selector may ask for any element.
    soup = BeautifulSoup(text, builder=_Builder() if document.select else _OnlyLinks())
    tags = list(soup.find_all())
    base = _base(tags, document.url)
    for tag in _within(tags, soup.select(document.select)) if document.select else tags:
        place = tag.get(_PLACES.get(tag.name, ""))
        if isinstance(place, str):
            url = normalised(place, base, charset=charset, dropped=document.dropped)
            if url:
                yield _link(tag, url)


def _base(tags: list[Tag], url: str) -> str:
    """What the first <base> with a link says, if that can be one."""
    told = next((tag["href"] for tag in tags if tag.name == "base" and tag.has_attr("href")), "")
    return normalised(str(told), url, whole=True) or url


def _within(tags: list[Tag], areas: list[Tag]) -> Iterator[Tag]:
    """Those of the tags that are one of the areas, or stand in one."""
    inside = {id(area) for area in areas}
    for tag in tags:
        # Parents come first, so that one look at the parent tells of all above it.
        if id(tag) in inside or id(tag.parent) in inside:
            inside.add(id(tag))
            yield tag


def _link(tag: Tag, url: str) -> Link:
    match tag.name:
        case "a" | "area":
            file = tag.has_attr("download")
            told = _text(_words(tag)) or _text(tag.get("title") or tag.get("alt"))
            return Link(url, told, "download" if file else "a", file)
        case "link":
            return Link(url, _text(tag.get("title")), _kind_of_link(tag))
        case _:
            return Link(url, _text(tag.get("title")), "source")


def _kind_of_link(tag: Tag) -> str:
    rel = {word.lower() for word in tag.get_attribute_list("rel") if word}
    if str(tag.get("type", "")).partition(";")[0].strip().lower() in _FEEDS:
        return "page"
    return "" if rel & _FURNITURE else "link"


def _words(tag: Tag) -> str:
    """The text in an element, as far as it is worth it."""
    # Comments are strings of a type of their own.
    return " ".join(each for each in islice(tag.descendants, 200) if type(each) is NavigableString)


def _text(words: object) -> str:
    return " ".join(str(words or "").split())[:LONGEST_TEXT]
