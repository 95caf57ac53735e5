"""How a source stands: its HELLO, its signs of life, its error."""

from postroom import wire

from .. import tasks
from ..database import Database
from ..log import events
from ..models import Folder, Mailbox, now
from ..schedule import after
from . import days, receipts, silence, windows
from .folders import Numbering, find_mailbox, find_or_open


def hello(db: Database, told: wire.Hello, storage: str) -> wire.HelloReply:
    """Know a source by its name; tell the epoch that its account stands in."""
    with db.writing():
        mailbox = Mailbox.get_or_none(Mailbox.name == told.mailbox) or Mailbox(name=told.mailbox)
        came = mailbox.id is not None and (mailbox.seen or silence.has_mail(mailbox))
        if came and mailbox.fingerprint != told.fingerprint:
            # Another account: nothing that was stored before counts as held.
            mailbox.epoch += 1
            mailbox.last_number = mailbox.day_bytes = 0
            events.tell("mailbox.account_changed", told.mailbox, epoch=mailbox.epoch)
        mailbox.kind = told.kind
        mailbox.fingerprint = told.fingerprint
        mailbox.interval = told.interval
        if mailbox.state == silence.NEW:
            mailbox.state = silence.OK
        mailbox.seen = mailbox.changed = now()
        mailbox.save()
        brought = days.brought_today(told.fingerprint)
    return wire.HelloReply(epoch=mailbox.epoch, storage=storage, today_bytes=brought)


def finish(db: Database, told: wire.Pass) -> wire.PassReply:
    """Take the end of a pass, or a sign of life; answer with the receipt and what to do."""
    mailbox = find_mailbox(told.mailbox, told.epoch)
    if told.window is None and not told.done and not _is_news(mailbox, told):
        return wire.PassReply()
    with db.writing():
        # Read again: a look at the silent ones may have come between.
        mailbox = find_mailbox(told.mailbox, told.epoch)
        if told.window is None or told.error:
            mailbox.next_try = after(told.next_try) if told.error and told.next_try else ""
            silence.heard(mailbox, told.error, resting=told.resting)
        else:
            # One folder could be read: whether all can is said by the next sign of life.
            Mailbox.update(seen=now(), changed=now()).where(Mailbox.id == mailbox.id).execute()
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
    return silence.is_news(mailbox, told) or tasks.has_due(mailbox.name)
