"""What is wanted of the links that a look at a page found."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from postroom import wire

from ..database import Database, bulk
from ..log import events
from ..models import File, Page, database, now
from ..sources import silence
from . import filenames, filerows, pages

#: Files that are unfinished and no longer on the page, in one answer.
MOST_LEFT = 1_000
#: Bytes of URLs in one answer; what is over is wanted at the next look.
MOST_BYTES = 1_000_000


class Held(NamedTuple):
    """What is known of a URL: its current row."""

    url: str
    state: str
    next_try: str
    next_check: str
    etag: str
    last_modified: str
    sha256: str
    size: int


_HELD = """
    SELECT download_url, state, next_try, next_check, etag, last_modified, version, size
    FROM files WHERE page_id = {0} AND "current" = TRUE AND """


def answer(db: Database, told: wire.Links) -> wire.LinksReply:
    """Say which links are to be downloaded; links that are known cost no write."""
    links: dict[str, wire.Link] = {}
    for link in told.links:
        links.setdefault(link.url, link)
    page: Page | None = Page.get_or_none(Page.name == told.page)
    held = _held(page, links)
    if page is None or len(held) < len(links) or page.url != told.url or silence.is_late(page):
        with db.writing():
            page = pages.known(told.page, told.url)
            # Read again: what was missing may have come meanwhile.
            _insert(page, [link for link in links.values() if link.url not in _held(page, links)])
            held = _held(page, links)
    wanted = [*_wanted(held.values())]
    if told.last:
        wanted += _wanted(row for row in _unfinished(page) if row.url not in links)
    return wire.LinksReply(wanted=list(_bounded(wanted)))


def _held(page: Page | None, urls: Collection[str]) -> dict[str, Held]:
    if page is None or not urls:
        return {}
    sql = f"{_HELD}download_url IN ({{1}})"
    marks = ", ".join([database.param] * len(urls))
    rows = database.execute_sql(sql.format(database.param, marks), (page.id, *urls))
    return {row[0]: Held(*row) for row in rows}


def _unfinished(page: Page) -> Iterable[Held]:
    """What was found on the page, is not stored, and is due, the oldest first."""
    sql = f"{_HELD}state IN ('found', 'failed') AND next_try <= {{0}} ORDER BY id LIMIT {{0}}"
    rows = database.execute_sql(sql.format(database.param), (page.id, now(), MOST_LEFT))
    return [Held(*row) for row in rows]


def _wanted(rows: Iterable[Held]) -> Iterator[wire.WantedFile]:
    time = now()
    for row in rows:
        if row.state not in ("stored", "purged"):
            if row.next_try <= time:
                yield wire.WantedFile(url=row.url)
        elif row.next_check <= time:
            yield wire.WantedFile(
                url=row.url,
                what="recheck",
                etag=row.etag,
                last_modified=row.last_modified,
                sha256=row.sha256,
                size=row.size,
            )


def _bounded(wanted: Iterable[wire.WantedFile]) -> Iterator[wire.WantedFile]:
    left = MOST_BYTES
    for each in wanted:
        left -= len(each.url.encode()) + len(each.etag.encode()) + len(each.last_modified.encode())
        if left < 0:
            return
        yield each


def _insert(page: Page, links: Collection[wire.Link]) -> None:
    names = filenames.unique([filenames.name_of(link.url) for link in links])
    rows = [filerows.found(page.id, *each) for each in zip(links, names, strict=True)]
    made = bulk.insert(File, rows, ignore=True, returning="id, download_url")
    told = [events.Told("file.found", page.name, {"file": id_, "url": url}) for id_, url in made]
    events.tell_many(told)
