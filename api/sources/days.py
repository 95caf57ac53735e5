"""How many bytes an account brought on the present day (UTC): providers may have a limit."""

from collections import Counter
from collections.abc import Sequence

import peewee

from ..deliveries import Delivery
from ..models import Mailbox, now


def today() -> str:
    """The day as the tables keep it."""
    return now()[:10]


def add(batch: Sequence[Delivery]) -> None:
    """Count what was downloaded for these, new or not; call it inside a write transaction."""
    brought: Counter[str] = Counter()
    for one in batch:
        brought[one.mailbox] += one.size
    day = today()
    before = peewee.Case(None, [(Mailbox.day == day, Mailbox.day_bytes)], 0)
    for name, size in brought.items():
        if name and size:
            changed = Mailbox.update(day=day, day_bytes=before + size)
            changed.where(Mailbox.name == name).execute()


def brought_today(fingerprint: str) -> int:
    """The bytes of all mailboxes of one account."""
    found = Mailbox.select(peewee.fn.SUM(Mailbox.day_bytes))
    ours = found.where(Mailbox.fingerprint == fingerprint, Mailbox.day == today())
    return int(ours.scalar() or 0)
