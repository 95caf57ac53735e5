"""How a watched page stands: its signs of life, the end of a look at it."""

from postroom import wire

from ..database import Database
from ..log import events
from ..models import Page, now
from ..schedule import after
from ..sources import silence
from . import digests


def known(name: str, url: str = "") -> Page:
    """The page's row, made or brought up to date; it lives. Call it inside a write transaction."""
    page: Page | None = Page.get_or_none(Page.name == name)
    if page is None:
        made: Page = Page.create(name=name, url=url)
        return made
    fields = {"seen": now(), "changed": now(), **({"url": url} if url else {})}
    Page.update(**fields).where(Page.id == page.id).execute()
    page.url = url or page.url
    return page


def looked(db: Database, told: wire.Looked) -> wire.LookedReply:
    """Take the end of a look; answer with what it came to."""
    with db.writing():
        page = known(told.page, told.url)
        counts = {"new": page.new_files, "changed": page.changed_files, "failed": page.failed_files}
        page.new_files = page.changed_files = page.failed_files = 0
        page.looked = now()
        # Looked at once, and nobody says when again.
        page.next_look = after(told.next_look) if told.next_look else ""
        error, is_empty = told.error, _is_empty(page, told)
        if is_empty:
            error = f"a page that had {page.links} links and now has none"
        elif not error:
            page.links, page.interval = told.links, told.next_look
        silence.heard(page, error, at_once=is_empty)
        _tell(page, told, counts)
        made = told.digest and digests.make(page)
        return wire.LookedReply(**counts, digest=made, error=error if is_empty else "")


def _is_empty(page: Page, told: wire.Looked) -> bool:
    return not told.error and not told.links and page.links > 0


def _tell(page: Page, told: wire.Looked, counts: dict[str, int]) -> None:
    about = {name: count for name, count in counts.items() if count}
    if page.error:
        about["error"] = page.error
    events.tell("page.checked", page.name, links=told.links, took=round(told.took, 3), **about)
