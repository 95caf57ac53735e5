"""Nothing dies quietly: sources that are silent or fail for long are told of, once."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from postroom import wire

from . import events
from .database import Database
from .models import Folder, Mailbox, Receipt, now
from .schedule import stamp

#: How long a source may be silent or fail, unless three of its intervals are longer.
PATIENCE = timedelta(minutes=5)
INTERVALS = 3
#: A sign of life is written down when the last one is older: waiting costs no commit each time.
SEEN_EVERY = timedelta(seconds=30)
#: Of mailboxes that a program fills by itself: nobody expects it.
OF_PROGRAMS = "api"
NEW, OK, RESTING, FAILING, SILENT = "new", "ok", "resting", "failing", "silent"


class Watch:
    """Looks at all sources; while the API was down, none could be heard."""

    def __init__(self, db: Database, began: datetime | None = None) -> None:
        self._db = db
        self._began = began or datetime.now(UTC)

    def look(self, at: datetime | None = None) -> None:
        """Tell of each source that has become silent or failing."""
        at = at or datetime.now(UTC)
        due = [mailbox.id for mailbox in Mailbox.select() if self._worse(mailbox, at)]
        if not due:
            return
        with self._db.writing():
            # Read again: it may have been heard meanwhile.
            for mailbox in Mailbox.select().where(Mailbox.id.in_(due)):
                if state := self._worse(mailbox, at):
                    _tell(mailbox, state)
                    Mailbox.update(state=state, changed=now()).where(
                        Mailbox.id == mailbox.id
                    ).execute()

    def _worse(self, mailbox: Mailbox, at: datetime) -> str:
        """The state that the source has come to, if that is worse than what was told; else ""."""
        if mailbox.kind == OF_PROGRAMS or (mailbox.seen and not mailbox.interval):
            return ""
        patience = max(PATIENCE, INTERVALS * timedelta(seconds=mailbox.interval))
        heard = mailbox.created
        if mailbox.seen:
            heard = max(mailbox.seen, stamp(self._began))
        if heard < stamp(at - patience):
            return "" if mailbox.state == SILENT else SILENT
        if mailbox.failed and mailbox.failed < stamp(at - patience):
            return FAILING if mailbox.state in (NEW, OK, RESTING) else ""
        return ""


def _tell(mailbox: Mailbox, state: str) -> None:
    if state == SILENT:
        seen = mailbox.seen or None
        events.tell("source.silent", mailbox.name, seen=seen, interval=mailbox.interval)
    else:
        about = {"error": mailbox.error, "failing_since": mailbox.failed}
        events.tell("source.failing", mailbox.name, **about)


def heard(mailbox: Mailbox, told: wire.Pass) -> None:
    """Take a source's word of how it stands; call it inside a write transaction."""
    time = mailbox.seen = mailbox.changed = now()
    mailbox.error = told.error
    mailbox.next_try = ""
    if told.error and told.next_try:
        mailbox.next_try = stamp(datetime.now(UTC) + timedelta(seconds=told.next_try))
    if told.error and not told.resting:
        mailbox.failed = mailbox.failed or time
        mailbox.last_error, mailbox.last_error_at = told.error, time
        if mailbox.state == SILENT:
            mailbox.state = FAILING
            _tell(mailbox, FAILING)
    else:
        if mailbox.state in (SILENT, FAILING):
            events.tell("source.recovered", mailbox.name, was=mailbox.state)
        mailbox.state, mailbox.failed = RESTING if told.error else OK, ""
    mailbox.save()


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


def expect(db: Database, configured: Mapping[str, str]) -> None:
    """Know all mailboxes that are configured, by name and kind of source, before they come."""
    with db.writing():
        for mailbox in Mailbox.select().where(Mailbox.seen == ""):
            if mailbox.name not in configured and not has_mail(mailbox):
                mailbox.delete_instance()
        known = {mailbox.name for mailbox in Mailbox.select(Mailbox.name)}
        for name, kind in configured.items():
            if name not in known:
                Mailbox.create(name=name, kind=kind, seen="", state=NEW)


def has_mail(mailbox: Mailbox) -> bool:
    """Whether anything was ever brought under this name."""
    return bool(Folder.select().where(Folder.mailbox == mailbox).exists())


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
