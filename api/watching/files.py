"""The one transaction by which files enter: what downloads came to, and the events that tell it."""

from collections import Counter
from typing import Any

from postroom import wire
from postroom.errors import RefusedError
from postroom.storage import BadKeyError, Storage
from postroom.storage.keys import check_key

from ..database import Database
from ..deliveries import MAX_LINE, clean
from ..log import events, traced
from ..models import Page, now
from ..objects import stores
from ..objects.kept import PAGES
from ..schedule import after, next_try, seconds_until
from . import filenames, filerows, pages
from .filerows import Row

#: Seconds until a stored file is compared with the page's again, unless the monitor says.
RECHECK = 86_400.0
#: Seconds until what cannot be decided is told again.
SOON = 60.0
#: Held, or held until its page let it go.
KNOWN = ("stored", "purged")


def take(db: Database, store: Storage, told: wire.Files) -> wire.FilesReply:
    """Commit the records and answer for each, in order; a record told again changes nothing."""
    if told.storage != store.id:
        raise RefusedError(
            "storage_mismatch",
            f"the monitor keeps files in the store {told.storage}, the API reads from {store.id}: "
            "both must use the same [storage]; SQLite and directory stores serve one host only",
        )
    number = store.batch()
    with db.writing():
        batch = _Batch(pages.known(told.page), store, told)
        items = [batch.settle(record) for record in told.items]
        batch.close()
        stores.rely(store.id, number, "files")
    traced.files(told.page, items)
    return wire.FilesReply(items=items)


class _Batch:
    """The records of one page, and what is known of their URLs."""

    def __init__(self, page: Page, store: Storage, told: wire.Files) -> None:
        self._page, self._store = page, store
        self._recheck = told.recheck or RECHECK
        self._told: list[events.Told] = []
        self._counts: Counter[str] = Counter()
        self._rows = filerows.held(page.id, {record.url for record in told.items})

    def settle(self, record: wire.FileRecord) -> wire.FileReply:
        """Write down one record."""
        current = next((row for row in self._rows[record.url] if row.current), None)
        if fault := _fault(record):
            return self._fail(record.url, current, fault)
        if record.outcome == "failed":
            return self._fail(record.url, current, clean(record.reason, MAX_LINE) or "no reason")
        if record.outcome == "unchanged":
            return self._unchanged(record, current)
        return self._store_one(record, current)

    def close(self) -> None:
        """Tell of all that happened."""
        events.tell_many(self._told)
        if self._counts:
            counted = {
                name: getattr(Page, name) + count for name, count in self._counts.items()
            }  # fmt: skip
            Page.update(**counted).where(Page.id == self._page.id).execute()

    def _unchanged(self, record: wire.FileRecord, current: Row | None) -> wire.FileReply:
        if current is None or current.state not in KNOWN:
            reason = "it is not stored any more: download all of it"
            return wire.FileReply(url=record.url, status="retry", after=SOON, reason=reason)
        self._held(record, current)
        return wire.FileReply(url=record.url, status="known", id=current.id)

    def _store_one(self, record: wire.FileRecord, current: Row | None) -> wire.FileReply:
        row = current or self._add(record.url)
        if row.state in KNOWN and row.version == record.sha256:
            self._held(record, row)
            return wire.FileReply(url=record.url, status="known", id=row.id)
        status: wire.FileStatus = "stored"
        if not row.version:
            row.news = "new"
            self._counts["new_files"] += 1
        elif row.version != record.sha256:
            row, status = self._version(record, row), "changed"
            self._counts["changed_files"] += 1
        self._keep(record, row)
        self._happened(f"file.{status}", row, sha256=row.version, size=row.size)
        return wire.FileReply(url=record.url, status=status, id=row.id)

    def _version(self, record: wire.FileRecord, before: Row) -> Row:
        """The row of other bytes than those that are current; it takes their place."""
        held = (row for row in self._rows[record.url] if row.version == record.sha256)
        row = next(held, None) or self._add(record.url)
        # Who never heard of those before hears of a new file.
        row.news = "new" if before.news == "new" else "changed"
        row.current, before.current, before.news = True, False, ""
        if before.state not in KNOWN:
            before.state, before.error = "failed", "its bytes were lost, and the page has others"
        before.save()
        return row

    def _add(self, url: str) -> Row:
        (filename,) = filenames.unique([filenames.name_of(url)])
        row = filerows.add(self._page.id, url, filename)
        self._rows[url].append(row)
        return row

    def _keep(self, record: wire.FileRecord, row: Row) -> None:
        """Note where the bytes are, and what they are called."""
        name = filenames.plain_name(record.name) if record.name else ""
        if name and not row.version and not filenames.is_named(row.filename, name):
            (row.filename,) = filenames.unique([name])
        row.state, row.version, row.key = "stored", record.sha256, record.key
        row.storage_url = self._store.url(record.key)
        row.size, row.type = record.size, clean(record.type, MAX_LINE)
        row.next_try = ""
        self._held(record, row)

    def _held(self, record: wire.FileRecord, row: Row) -> None:
        """Note that the page has what is stored."""
        if record.outcome == "stored" or record.etag or record.last_modified:
            row.etag = clean(record.etag, MAX_LINE)
            row.last_modified = clean(record.last_modified, MAX_LINE)
        row.attempts, row.error = 0, ""
        # What nobody was told of yet, and is mended.
        row.news = "" if row.news == "failed" else row.news
        row.next_check = after(self._recheck)
        row.save()

    def _fail(self, url: str, row: Row | None, reason: str) -> wire.FileReply:
        row = row or self._add(url)
        is_stored = row.state in KNOWN
        due = row.next_check if is_stored else row.next_try
        if not (row.error == reason and due > now()):
            # Otherwise it is told twice: nobody was asked to try before that time.
            due = self._fail_again(row, reason, is_stored)
        return wire.FileReply(
            url=url, status="failed", id=row.id, after=seconds_until(due), reason=reason
        )

    def _fail_again(self, row: Row, reason: str, is_stored: bool) -> str:
        row.attempts += 1
        due = next_try(row.attempts)
        if is_stored:
            row.next_check = due
        else:
            row.state, row.next_try = "failed", due
        if row.attempts == 1:
            row.news = row.news or "failed"
        row.error = reason
        row.save()
        self._happened("file.failed", row, error=reason, attempts=row.attempts)
        self._counts["failed_files"] += 1
        return due

    def _happened(self, kind: str, row: Row, **about: Any) -> None:
        what = {"file": row.id, "url": row.url, "filename": row.filename}
        self._told.append(events.Told(kind, self._page.name, {**what, **about}))


def _fault(record: wire.FileRecord) -> str:
    """What is wrong with a record that says a file is stored; "" for nothing."""
    if record.outcome != "stored":
        return ""
    if not record.sha256 or not record.key:
        return "the monitor did not say under which SHA-256 and key it is stored"
    if not record.key.startswith(PAGES):
        return f"the keys of files begin with {PAGES!r}, not so {record.key[:200]!r}"
    try:
        check_key(record.key)
    except BadKeyError as e:
        return str(e)
    return ""
