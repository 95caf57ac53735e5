"""A look at a page: which files it links to, over all its documents."""

import logging
from collections import deque
from typing import NamedTuple

from postroom.errors import SourceError, TemporaryError

from . import links
from .links import Document, Link, filters
from .links.urls import normalised
from .pages import MEGABYTE, Page
from .web import Web

log = logging.getLogger(__name__)
#: Of one page; listings of tens of thousands of files are smaller.
MAX_PAGE = 8 * MEGABYTE
_ACCEPT = "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8"


class Found(NamedTuple):
    """A link that counts; its URL is normalised: one file, one URL."""

    url: str
    #: What people read on it.
    text: str


def look(page: Page, web: Web) -> list[Found]:
    """The files that the page links to, once each, in its order.

    Raises SourceError (somebody has to look) and TemporaryError when the page itself cannot be
    read; a page that it leads to may fail.
    """
    url = normalised(page.url, whole=True) or page.url
    first = web.fetch(url, MAX_PAGE, _ACCEPT)
    # A page that has moved has taken its files along.
    hosts = frozenset(map(filters.host_of_page, (url, first.url)))
    counts, leads_on = filters.files_of(page, hosts), filters.leads_on(page, hosts)
    found: dict[str, Found] = {}
    todo: deque[tuple[str, int]] = deque()
    seen = {url}
    step: tuple[Document, int] | None = (first, 0)
    while step:
        document, depth = step
        seen.add(document.url)
        for link in _links(page, document):
            if counts(link):
                _note(found, link)
            elif link.url not in seen and len(seen) <= page.max_pages:
                below = leads_on(link, depth)
                if below is not None:
                    seen.add(link.url)
                    todo.append((link.url, below))
        step = _next(todo, web)
    return _bounded(page, list(found.values()))


def _links(page: Page, document: Document) -> list[Link]:
    dropped = frozenset(name.lower() for name in page.drop_parameters)
    return list(links.links(document._replace(select=page.select, dropped=dropped)))


def _note(found: dict[str, Found], link: Link) -> None:
    """The first text that says something is kept."""
    held = found.get(link.url)
    if held is None or not held.text:
        found[link.url] = Found(link.url, link.text)


def _next(todo: deque[tuple[str, int]], web: Web) -> tuple[Document, int] | None:
    """The next document that can be read, and its depth."""
    while todo:
        url, depth = todo.popleft()
        try:
            return web.fetch(url, MAX_PAGE, _ACCEPT), depth
        except SourceError as e:
            log.info("%s: not read: %s", url, e)
        except TemporaryError as e:
            log.warning("%s: not read, nor what follows: %s", url, e)
            return None
    return None


def _bounded(page: Page, found: list[Found]) -> list[Found]:
    if len(found) > page.max_links:
        log.warning(
            "%s: only the first %d of %d links count: set max_links, or filters, in its section",
            page.name, page.max_links, len(found),
        )  # fmt: skip
    return found[: page.max_links]
