"""Files that their pages let go: the bytes go, and the row stays, so that they are known.

What the page still gives under that address is compared with it as before: the same bytes are not
kept again, other bytes are a further version.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ..log import events
from ..log.events import Told
from ..models import File, Page, now
from ..objects.kept import FILES
from ..schedule import stamp
from .purgedmails import Expired
from .rules import OfFiles, Rules


def expired(rules: Rules, at: datetime) -> Iterator[Expired]:
    """Files that are too old, or of which there are newer versions enough."""
    for page in list(Page.select(Page.id, Page.name).order_by(Page.id)):
        rule = rules.of_page(page.name)
        if any(rule):
            yield from _of_page(page, rule, at)


def _of_page(page: Page, rule: OfFiles, at: datetime) -> Iterator[Expired]:
    oldest = stamp(at - timedelta(days=rule.days)) if rule.days else ""
    found = (
        File.select(File.id, File.download_url, File.created, File.size, File.news)
        .where(File.page == page, File.state == "stored")
        .order_by(File.current.desc(), File.id.desc())
    )
    newer: Counter[str] = Counter()
    for id_, url, created, size, news in list(found.tuples()):
        newer[url] += 1
        is_over = created < oldest or (rule.versions and newer[url] > rule.versions)
        # What nobody was told of is told first.
        if is_over and not news:
            yield Expired(page.name, id_, size)


def over(ids: Sequence[int], rules: Rules, at: datetime) -> list[Expired]:
    """Those of the files whose time is over."""
    wanted = set(ids)
    pages = File.select(File.page).where(File.id << list(ids))
    found = Page.select(Page.id, Page.name).where(Page.id << pages)
    return [
        each
        for page in list(found)
        for each in _of_page(page, rules.of_page(page.name), at)
        if each.id in wanted
    ]


def forget(gone: Sequence[Expired]) -> set[str]:
    """Let them go; the keys of their objects. Call it inside a write transaction."""
    rows = list(
        File.select(File, Page.name)
        .join(Page)
        .where(File.id << [each.id for each in gone], File.state == "stored")
        .order_by(File.id)
    )
    ids = [row.id for row in rows]
    File.update(state="purged", key="", storage_url="", changed=now()).where(
        File.id << ids
    ).execute()
    events.tell_many([
        Told(
            "file.purged",
            row.page.name,
            {"file": row.id, "url": row.download_url, "filename": row.filename,
             "sha256": row.version},
        )
        for row in rows
    ])  # fmt: skip
    keys = {row.key for row in rows}
    return keys - FILES.named(keys)
