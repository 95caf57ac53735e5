"""The event log, read by cursors and filters, and cleared of what is old."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

import peewee

from postroom.errors import RefusedError

from .database import Database
from .mails.query import time_of
from .models import Event, Fact, Script, Webhook
from .rest import answers, paging
from .rest.contracts import Parameter
from .schedule import stamp
from .schema.migrations import feed_epoch

FILTERS = (
    Parameter("kind", "Events of these kinds, by commas; `source.*` is all that begin so.",
              list[str], error="bad_kind"),
    Parameter("source", "Events of this mailbox, page or script."),
    Parameter("since", "From this date or time on (ISO 8601).", error="bad_time"),
)  # fmt: skip
AFTER = Parameter("after", "Where to go on.", error="bad_cursor")
#: Rows of one transaction, and transactions of one look: nobody who writes waits for long.
CHUNK, CHUNKS = 1_000, 20
_KIND = re.compile(r"[a-z_]+(\.[a-z_]+)*(\.\*)?")
_MOST_KINDS = 50
_DELETED = "events_deleted"


class Selection(NamedTuple):
    """What the filters of a request ask for; equal ones are read once."""

    kinds: tuple[str, ...] = ()
    source: str | None = None
    since: str = ""

    def conditions(self) -> list[peewee.Node]:
        """For a query."""
        found: list[peewee.Node] = []
        if self.kinds:
            whole = [kind for kind in self.kinds if not kind.endswith("*")]
            condition = Event.kind.in_(whole)
            for kind in self.kinds:
                if kind.endswith("*"):
                    condition |= Event.kind.startswith(kind[:-1])
            found.append(condition)
        if self.source is not None:
            found.append(Event.source == self.source)
        if self.since:
            found.append(Event.created >= self.since)
        return found


def asked(given: Mapping[str, str]) -> Selection:
    """What the filters select; RefusedError for what none can mean."""
    kinds = tuple(sorted(set(given["kind"].split(",")))) if "kind" in given else ()
    if len(kinds) > _MOST_KINDS or not all(map(_KIND.fullmatch, kinds)):
        text = f"kind takes up to {_MOST_KINDS} kinds by commas, as mail.stored or source.*"
        raise RefusedError("bad_kind", text)
    since = time_of("since", given["since"]) if "since" in given else ""
    return Selection(kinds, given.get("source"), since)


class Part(NamedTuple):
    """Some events in order, and after which id the next part begins."""

    events: Sequence[Event]
    last: int
    more: bool


def read(selection: Selection, last: int, size: int) -> Part:
    """Up to so many of the selected events above `last`.

    Without more the part ends where the log does, however far back its last event is: nobody
    looks at the same events again.
    """
    end = newest()
    found = Event.select().where(Event.id > last, Event.id <= end, *selection.conditions())
    rows = list(found.order_by(Event.id).limit(size + 1))
    if len(rows) > size:
        return Part(rows[:size], rows[size - 1].id, True)
    return Part(rows, max(last, end), False)


def newest() -> int:
    """Where the log ends; it is never cleared of its newest event."""
    return int(Event.select(peewee.fn.MAX(Event.id)).scalar() or 0)


def cursor_at(last: int, epoch: str = "") -> str:
    """The cursor behind an event."""
    return paging.encode([epoch or feed_epoch(), last])


def resume(text: str) -> int:
    """Behind which event a cursor stands; RefusedError when it cannot be gone on from there."""
    epoch, last = paging.decoded(text, str, int)
    if epoch != feed_epoch() or last > newest():
        raise RefusedError("cursor_expired", "this cursor is of another feed: read from the start")
    if last < _deleted():
        raise RefusedError(
            "cursor_expired", "events behind this cursor were deleted: read from the start"
        )
    return int(last)


def shown(event: Event) -> answers.Event:
    """An event as the API shows it."""
    return answers.Event(
        id=event.id,
        kind=event.kind,
        source=event.source,
        about=event.about,
        created=event.created,
    )


def clear_up(db: Database, days: float, at: datetime | None = None) -> int:
    """Delete events that are older than so many days; how many.

    What a script or a webhook still has to be told of stays, and so does the newest event.
    """
    if not days:
        return 0
    oldest = stamp((at or datetime.now(UTC)) - timedelta(days=days))
    deleted = 0
    for _ in range(CHUNKS):
        if not (ids := _spare(oldest)):
            break
        with db.writing():
            deleted += Event.delete().where(Event.id <= ids[-1]).execute()
            _note(str(ids[-1]))
    return deleted


def _note(last: str) -> None:
    Fact.insert(name=_DELETED, value=last).on_conflict(
        conflict_target=[Fact.name], update={Fact.value: last}
    ).execute()


def spare(days: float, at: datetime) -> peewee.ModelSelect:
    """The events that `clear_up` deletes in the end."""
    oldest = stamp(at - timedelta(days=days))
    return Event.select().where(Event.id <= _last_told(), Event.created < oldest)


def _last_told() -> int:
    """Nobody needs the events up to this one, for all that they are the newest's elders."""
    scripts = Script.select(peewee.fn.MIN(Script.event)).where(
        Script.enabled, (Script.on_mail != "") | (Script.on_file != "")
    )
    webhooks = Webhook.select(peewee.fn.MIN(Webhook.event)).where(Webhook.enabled)
    ends = (newest() - 1, scripts.scalar(), webhooks.scalar())
    return min(end for end in ends if end is not None)


def _spare(oldest: str) -> list[int]:
    most = _last_told()
    first = Event.select(Event.id, Event.created).order_by(Event.id).limit(CHUNK).tuples()
    return [id_ for id_, _ in takewhile(lambda row: row[0] <= most and row[1] < oldest, first)]


def _deleted() -> int:
    """Up to which event the log was cleared."""
    return int(Fact.select(Fact.value).where(Fact.name == _DELETED).scalar() or 0)
