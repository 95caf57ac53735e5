"""How a source stands: its HELLO, its signs of life, its error."""

from datetime import UTC, datetime, timedelta

from postroom import wire

from . import events, receipts, tasks, windows
from .database import Database
from .folders import Numbering, find_mailbox, find_or_open
from .models import Folder, Mailbox, now
from .schedule import stamp

#: A sign of life is written down when the last one is older: waiting costs no commit each time.
SEEN_EVERY = timedelta(seconds=30)


def hello(db: Database, told: wire.Hello) -> int:
    """Know a source by its name; return the epoch that its account stands in."""
    with db.writing():
        mailbox = Mailbox.get_or_none(Mailbox.name == told.mailbox) or Mailbox(name=told.mailbox)
        if mailbox.id is not None and mailbox.fingerprint != told.fingerprint:
            # Another account: nothing that was stored before counts as held.
            mailbox.epoch += 1
            mailbox.last_number = 0
            events.tell("mailbox.account_changed", told.mailbox, epoch=mailbox.epoch)
        mailbox.kind = told.kind
        mailbox.fingerprint = told.fingerprint
        mailbox.interval = told.interval
        mailbox.seen = mailbox.changed = now()
        mailbox.save()
    epoch: int = mailbox.epoch
    return epoch


def finish(db: Database, told: wire.Pass) -> wire.PassReply:
    """Take the end of a pass, or a sign of life; answer with the receipt and what to do."""
    mailbox = find_mailbox(told.mailbox, told.epoch)
    if told.window is None and not told.done and not _is_news(mailbox, told):
        return wire.PassReply()
    with db.writing():
        mailbox.seen = mailbox.changed = now()
        mailbox.error = told.error
        mailbox.save(only=[Mailbox.seen, Mailbox.changed, Mailbox.error])
        tasks.finish(told.mailbox, told.done)
        claimed = tasks.claim(told.mailbox)
        if told.window is None:
            return wire.PassReply(tasks=claimed)
        folder = Folder.get_by_id(find_or_open(_numbering(told)).id)
        receipt = receipts.take(folder, told.window)
        return wire.PassReply(receipt=receipt, tasks=claimed, due=windows.due_in(folder))


def _numbering(told: wire.Pass) -> Numbering:
    return Numbering(told.mailbox, told.epoch, told.folder, told.uidvalidity, told.generation)


def _is_news(mailbox: Mailbox, told: wire.Pass) -> bool:
    return (
        mailbox.error != told.error
        or mailbox.seen < stamp(datetime.now(UTC) - SEEN_EVERY)
        or tasks.has_due(mailbox.name)
    )
