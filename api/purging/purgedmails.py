"""Mails that all their mailboxes let go: their content goes, and what it takes to know them stays.

Under the place and the hashes of such a mail nothing is asked for again: not by the next listing,
nor after a new numbering, nor when it is moved to another folder.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import peewee

from ..activity import first_since
from ..log import events
from ..log.events import Told
from ..mails import threads
from ..mails.contents import PURGED
from ..models import Attachment, Folder, Mail, Mailbox, Place, Quarantine, now
from ..objects.kept import MAILS
from ..schedule import stamp
from ..schema import upgrade
from ..search import indexing
from .rules import Rules

#: Rows of one look.
CHUNK = 500


class Expired(NamedTuple):
    """Something that a rule lets go."""

    #: The mailbox, page or script whose rule it is.
    source: str
    id: int
    size: int


def expired(rules: Rules, at: datetime) -> Iterator[Expired]:
    """Mails whose time is over in every mailbox that they stand in."""
    days = [days for days in (rules.mails, *rules.mailboxes.values()) if days]
    if not days:
        return
    # Ids rise with the time that contents came first: none above this is old enough for any rule.
    end, last = first_since(Mail, stamp(at - timedelta(days=min(days)))), 0
    while ids := _page(last, end):
        yield from over(ids, rules, at)
        last = ids[-1]


def _page(last: int, end: int) -> list[int]:
    found = Mail.select(Mail.id).where(Mail.id > last, Mail.id < end, Mail.state != PURGED)
    return [id_ for (id_,) in found.order_by(Mail.id).limit(CHUNK).tuples()]


def over(ids: Sequence[int], rules: Rules, at: datetime) -> list[Expired]:
    """Those of the mails whose time is over."""
    came = _came(ids)
    mails = Mail.select(Mail.id, Mail.created, Mail.size).where(
        Mail.id << list(ids), Mail.state != PURGED
    )
    found = []
    for id_, created, size in mails.order_by(Mail.id).tuples():
        stands = came.get(id_) or {"": created}
        if all(_is_over(rules.of_mailbox(name), since, at) for name, since in stands.items()):
            found.append(Expired(min(stands), id_, size))
    return found


def _came(ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """When each mail came first into each of the mailboxes that it stands in.

    A move to another folder, or a new numbering, makes a mail no younger.
    """
    found: dict[int, dict[str, str]] = defaultdict(dict)
    places = (
        Place.select(Place.mail, Mailbox.name, peewee.fn.MIN(Place.created))
        .join(Folder)
        .join(Mailbox)
        .where(Place.mail << list(ids), Place.state != PURGED)
        .group_by(Place.mail, Mailbox.name)
    )
    for mail, name, created in places.tuples():
        found[mail][name] = created
    return found


def _is_over(days: float, since: str, at: datetime) -> bool:
    return bool(days) and since < stamp(at - timedelta(days=days))


def forget(gone: Sequence[Expired]) -> set[str]:
    """Let them go; the keys of their objects. Call it inside a write transaction."""
    ids, time = [each.id for each in gone], now()
    mails = list(Mail.select(*threads.HELD, Mail.sha256, Mail.state).where(Mail.id << ids))
    parsed = [mail for mail in mails if mail.state == "parsed"]
    indexing.forget(upgrade.words_of([mail.id for mail in parsed]))
    threads.leave([threads.kin_held(mail) for mail in parsed])
    Attachment.delete().where(Attachment.mail << ids).execute()
    places = Place.select(Place.id).where(Place.mail << ids)
    Quarantine.delete().where(Quarantine.place << places).execute()
    Place.update(state=PURGED, attempts=0, next_try="", changed=time).where(
        Place.mail << ids
    ).execute()
    Mail.update(
        state=PURGED, has_raw=False, changed=time, parser=None, attachment_count=0, subject="",
        from_name="", from_address="", defects=[], record={}, text="", html="", headers=[],
    ).where(Mail.id << ids).execute()  # fmt: skip
    sources = {each.id: each.source for each in gone}
    events.tell_many([
        Told("mail.purged", sources[mail.id], {"mail": mail.id, "sha256": mail.sha256})
        for mail in sorted(mails, key=lambda mail: mail.id)
    ])  # fmt: skip
    keys = {mail.sha256 for mail in mails}
    return keys - MAILS.named(keys)
