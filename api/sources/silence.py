"""Nothing dies quietly: sources that are silent or fail for long are told of, once."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from postroom import wire

from ..database import Database
from ..log import events
from ..models import File, Folder, Mailbox, Page, Receipt, Source, now
from ..schedule import stamp

#: How long a source may be silent or fail, unless three of its intervals are longer.
PATIENCE = timedelta(minutes=5)
INTERVALS = 3
#: A sign of life is written down when the last one is older: waiting costs no commit each time.
SEEN_EVERY = timedelta(seconds=30)
#: Of mailboxes that a program fills by itself: nobody expects it.
OF_PROGRAMS = "api"
NEW, OK, RESTING, FAILING, SILENT = "new", "ok", "resting", "failing", "silent"
SOURCES: tuple[type[Source], ...] = (Mailbox, Page)


class Watch:
    """Looks at all sources; while the API was down, none could be heard."""

    def __init__(self, db: Database, began: datetime | None = None) -> None:
        self._db = db
        self._began = began or datetime.now(UTC)

    def look(self, at: datetime | None = None) -> None:
        """Tell of each source that has become silent or failing."""
        at = at or datetime.now(UTC)
        for kind in SOURCES:
            due = [source.id for source in kind.select() if self._worse(source, at)]
            if due:
                self._take_up(kind, due, at)

    def _take_up(self, kind: type[Source], due: list[int], at: datetime) -> None:
        with self._db.writing():
            # Read again: it may have been heard meanwhile.
            for source in kind.select().where(kind.id.in_(due)):
                if state := self._worse(source, at):
                    _tell(source, state)
                    kind.update(state=state, changed=now()).where(kind.id == source.id).execute()

    def _worse(self, source: Source, at: datetime) -> str:
        """The state that the source has come to, if that is worse than what was told; else ""."""
        if not _is_expected(source):
            return ""
        if self._waited_for(source) < stamp(at):
            return "" if source.state == SILENT else SILENT
        if source.failed and source.failed < stamp(at - _patience(source)):
            return FAILING if source.state in (NEW, OK, RESTING) else ""
        return ""

    def _waited_for(self, source: Source) -> str:
        """Until when a sign of life is in time."""
        heard = max(source.seen, stamp(self._began)) if source.seen else source.created
        if isinstance(source, Page):
            # When it is looked at is known; a look that takes long gives signs of life.
            return _later(max(heard, source.next_look), PATIENCE)
        return _later(heard, _patience(source))


def _is_expected(source: Source) -> bool:
    if isinstance(source, Mailbox):
        return source.kind != OF_PROGRAMS and bool(source.interval or not source.seen)
    return not isinstance(source, Page) or bool(source.next_look or not source.looked)


def _patience(source: Source) -> timedelta:
    return max(PATIENCE, INTERVALS * timedelta(seconds=source.interval))


def _later(time: str, by: timedelta) -> str:
    return stamp(datetime.fromisoformat(time) + by)


def _tell(source: Source, state: str) -> None:
    # A page and a mailbox may have one name.
    about: dict[str, Any] = {"url": source.url} if isinstance(source, Page) else {}
    if state == SILENT:
        about |= {"seen": source.seen or None, "interval": source.interval}
        events.tell("source.silent", source.name, **about)
    elif state == FAILING:
        about |= {"error": source.error, "failing_since": source.failed}
        events.tell("source.failing", source.name, **about)
    else:
        events.tell("source.recovered", source.name, **about, was=source.state)


def heard(source: Source, error: str, *, at_once: bool = False, resting: bool = False) -> None:
    """Take a source's word of how it stands; call it inside a write transaction.

    `at_once`: this error is one that needs no patience; `resting`: it is no failure.
    """
    time = source.seen = source.changed = now()
    source.error = error
    if error and not resting:
        source.failed = source.failed or time
        source.last_error, source.last_error_at = error, time
        if source.state == SILENT or (at_once and source.state != FAILING):
            source.state = FAILING
            _tell(source, FAILING)
    else:
        if source.state in (SILENT, FAILING):
            _tell(source, OK)
        source.state, source.failed = RESTING if error else OK, ""
    source.save()


def is_news(mailbox: Mailbox, told: wire.Pass) -> bool:
    """Whether a sign of life has to be written down."""
    return (
        mailbox.error != told.error
        or mailbox.state in (NEW, SILENT)
        or mailbox.seen < stamp(datetime.now(UTC) - SEEN_EVERY)
        or bool(told.next_try and mailbox.next_try < now())
    )


def brought(names: set[str]) -> None:
    """Mail is a sign of life, too: passes may take hours; call it inside a write transaction."""
    last = stamp(datetime.now(UTC) - SEEN_EVERY)
    Mailbox.update(seen=now()).where(
        Mailbox.name.in_(names), Mailbox.seen < last, Mailbox.seen > ""
    ).execute()


def is_late(page: Page) -> bool:
    """Whether a page's sign of life has to be written down before its look is at an end."""
    at = datetime.now(UTC)
    return page.state in (NEW, SILENT) or (
        page.next_look < stamp(at - PATIENCE / 2) and page.seen < stamp(at - SEEN_EVERY)
    )


def expect(db: Database, configured: Mapping[str, str]) -> None:
    """Know all mailboxes that are configured, by name and kind of source, before they come."""
    _expect(db, Mailbox, {name: {"kind": kind} for name, kind in configured.items()}, has_mail)


def expect_pages(db: Database, configured: Mapping[str, str]) -> None:
    """Know all pages that are configured, by name and URL, before a monitor looks at them."""
    _expect(db, Page, {name: {"url": url} for name, url in configured.items()}, _has_files)


def _expect(
    db: Database,
    kind: type[Source],
    configured: Mapping[str, dict[str, str]],
    is_used: Callable[[Any], bool],
) -> None:
    with db.writing():
        for source in kind.select().where(kind.seen == ""):
            if source.name not in configured and not is_used(source):
                source.delete_instance()
        known = {source.name for source in kind.select(kind.name)}
        for name, fields in configured.items():
            if name not in known:
                kind.create(name=name, seen="", state=NEW, **fields)


def has_mail(mailbox: Mailbox) -> bool:
    """Whether anything was ever brought under this name."""
    return bool(Folder.select().where(Folder.mailbox == mailbox).exists())


def _has_files(page: Page) -> bool:
    return bool(File.select().where(File.page == page).exists())


def lag(mailbox: Mailbox, at: datetime | None = None) -> float | None:
    """Seconds since the source last said that nothing is missing; None if it never did."""
    whole = mailbox.failed or mailbox.seen
    receipts = Receipt.select().join(Folder).where(Folder.mailbox == mailbox, Receipt.complete)
    last = receipts.order_by(Receipt.id.desc()).first()
    if last is None:
        return None
    if last.missing:
        complete = receipts.where(Receipt.missing == 0).order_by(Receipt.id.desc()).first()
        if complete is None:
            return None
        whole = min(whole, complete.changed)
    passed = (at or datetime.now(UTC)) - datetime.fromisoformat(whole)
    return round(max(0.0, passed.total_seconds()), 1)
