"""What the API answers of watched pages, files and digests, as types; see answers."""

from typing import Literal

from .answers import Base


class FileCounts(Base, frozen=True):
    """How many files of a page are in each state; versions that were replaced do not count."""

    found: int = 0
    stored: int = 0
    failed: int = 0
    purged: int = 0


class Page(Base, frozen=True):
    """How a watched page stands."""

    name: str
    url: str
    state: Literal["new", "ok", "silent", "failing"]
    #: Seconds between two looks.
    interval: float
    seen: str | None
    #: The last look.
    looked: str | None
    next_look: str | None
    #: Links that count.
    links: int
    files: FileCounts
    error: str
    failing_since: str | None
    last_error: str
    last_error_at: str | None
    created: str
    changed: str


class File(Base, frozen=True):
    """One version of a file."""

    id: int
    filename: str
    download_url: str
    #: Where people find it; "" until it is stored.
    storage_url: str
    page: str
    #: The SHA-256 of its bytes; "" until they are stored.
    version: str
    #: Whether the page gave this version last.
    current: bool
    state: Literal["found", "stored", "failed", "purged"]
    size: int
    type: str
    #: What people read on the link.
    text: str
    #: Tries that failed, one after another, and why the last one.
    attempts: int
    error: str
    #: When it is tried again; None: nothing is to be tried.
    next_try: str | None
    #: When it is compared with the page's again.
    next_check: str | None
    #: What no digest has told yet.
    news: Literal["", "new", "changed", "failed"]
    #: The last digest that told of it.
    digest: int | None
    created: str
    changed: str


class Digest(Base, frozen=True):
    """A digest, mailed or to be mailed."""

    id: int
    #: None: over all pages.
    page: str | None
    #: Of a day's digest its name.
    slot: str | None
    message_id: str
    state: Literal["due", "sent", "empty"]
    files: int
    #: How often it could not be mailed, and why the last time.
    attempts: int
    error: str
    next_try: str | None
    sent_at: str | None
    created: str
    changed: str
