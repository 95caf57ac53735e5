"""Which links count as files of a page, and which lead on to pages that may have some."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from ..pages import Page
from . import Link
from .urls import host_of

#: What a server makes pages with; without any extension it is a page as well.
_PAGES = frozenset({
    "html", "htm", "xhtml", "shtml", "php", "php5", "phtml", "asp", "aspx", "jsp", "jspx", "do",
    "cfm", "cgi", "pl",
})  # fmt: skip
_EXTENSION = re.compile(r"\.([a-z0-9]{1,12})\Z", re.I | re.A)

Counts = Callable[[Link], bool]
Leads = Callable[[Link, int], int | None]


def files_of(page: Page, hosts: frozenset[str]) -> Counts:
    """Says of a link whether it is a file that the page, on these hosts, is watched for."""
    extensions = {extension.lower().lstrip(".") for extension in page.extensions}
    by_url, by_text = re.compile(page.url_pattern), re.compile(page.text_pattern)
    skip = re.compile(page.skip_pattern) if page.skip_pattern else None

    def counts(link: Link) -> bool:
        if link.element not in page.elements or (
            page.same_host and host_of_page(link.url) not in hosts
        ):
            return False
        if not (link.file or "*" in extensions or extensions & _extensions(link.url)):
            return False
        if skip and (skip.search(link.url) or skip.search(link.text)):
            return False
        return bool(by_url.search(link.url) and by_text.search(link.text))

    return counts


def leads_on(page: Page, hosts: frozenset[str]) -> Leads:
    """Says to which depth a link of a document leads; None: it is not followed."""

    def leads(link: Link, depth: int) -> int | None:
        if host_of_page(link.url) not in hosts or link.file:
            return None
        if link.element == "index":
            # The parts of a sitemap are one, wherever they stand.
            return depth if "sitemap" in page.elements else None
        linked = link.element in ("a", "feed", "sitemap") and is_page(link.url)
        follows = depth < page.depth and (linked or link.element == "page")
        return depth + 1 if follows else None

    return leads


def is_page(url: str) -> bool:
    """Whether a URL ends as those of pages do: without an extension, or with one of theirs."""
    return not (_extension_of(url) - _PAGES)


def _extension_of(url: str) -> set[str]:
    """The extension of the path, if it has one, in small letters."""
    path = url.partition("?")[0]
    found = _EXTENSION.search(unquote(path.rpartition("/")[2]))
    return {found[1].lower()} if found else set()


def _extensions(url: str) -> set[str]:
    """Those of the path, and of what parameters name: /get?file=report.pdf is a PDF as well."""
    values = (part.rpartition("=")[2] for part in url.partition("?")[2].split("&"))
    found = (_EXTENSION.search(unquote(value)) for value in values)
    return _extension_of(url) | {match[1].lower() for match in found if match}


def host_of_page(url: str) -> str:
    """The host without www., which makes another one to the DNS alone."""
    return host_of(url).removeprefix("www.")
