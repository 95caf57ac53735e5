"""Deliveries out of the event log: each event above a webhook's cursor is looked at once."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

import msgspec
import peewee

from ..database import bulk
from ..models import Event, Webhook, WebhookDelivery, now
from ..rest.answers import Event as ToldEvent

#: Events of one look.
WINDOW = 1_000
#: A cursor that no event moved is moved all the same when it is so far behind.
FAR = 500
#: More are not made before some are over: the log keeps them as well.
MOST_DUE = 500
#: The index of what is due holds for these very words.
IS_DUE = peewee.SQL("state = 'due'")
#: Events about webhooks themselves.
OWN = "webhook."


def last_event() -> int:
    """The id of the newest event."""
    return int(Event.select(peewee.fn.MAX(Event.id)).scalar() or 0)


def is_any() -> bool:
    """Whether there is something to be made; a look that writes nothing."""
    end = last_event()
    return any(_is_news(hook, end) for hook in _behind(end))


def fill() -> None:
    """Make the deliveries of a window of events; call it inside a write transaction."""
    for hook in _behind(last_event()):
        room = MOST_DUE - _count_due(hook)
        if room <= 0:
            continue
        seen = hook.event
        wanted: list[Any] = []
        for event in Event.select().where(Event.id > hook.event).order_by(Event.id).limit(WINDOW):
            if len(wanted) == room:
                break
            seen = event.id
            if wants(hook, event):
                wanted.append(event)
        add(hook, wanted)
        Webhook.update(event=seen).where(Webhook.id == hook.id).execute()


def wants(hook: Any, event: Any) -> bool:
    """Whether the webhook's filters select an event; of itself a webhook is not told."""
    if event.kind.startswith(OWN) and event.about.get("webhook") == hook.id:
        return False
    if hook.sources and event.source not in hook.sources:
        return False
    return not hook.kinds or any(_selects(kind, event.kind) for kind in hook.kinds)


def _selects(kind: str, told: str) -> bool:
    return told.startswith(kind[:-1]) if kind.endswith("*") else told == kind


def add(hook: Any, events: Sequence[Any]) -> None:
    """Make deliveries of events; call it inside a write transaction."""
    time = now()
    rows = [
        {
            "created": time,
            "changed": time,
            "webhook": hook.id,
            "event": event.id,
            "kind": event.kind,
            "source": event.source,
            "state": "due",
            "attempts": 0,
            "error": "",
            "next_try": "",
            "ended": "",
            "body": _body(event),
        }
        for event in events
    ]
    bulk.insert(WebhookDelivery, rows, ignore=True)


def _body(event: Any) -> str:
    told = ToldEvent(
        id=event.id,
        kind=event.kind,
        source=event.source,
        about=event.about,
        created=event.created,
    )
    return msgspec.json.encode(told).decode()


def _behind(end: int) -> list[Any]:
    return list(Webhook.select().where(Webhook.enabled, Webhook.event < end).order_by(Webhook.id))


def _count_due(hook: Any) -> int:
    due = WebhookDelivery.select().where(WebhookDelivery.webhook == hook.id, IS_DUE)
    return int(due.count())


def _is_news(hook: Any, end: int) -> bool:
    if _count_due(hook) >= MOST_DUE:
        return False
    if end - hook.event > FAR:
        return True
    found = Event.select().where(Event.id > hook.event)
    if hook.sources:
        found = found.where(Event.source.in_(hook.sources))
    if hook.kinds and "*" not in hook.kinds:
        found = found.where(reduce(or_, map(_condition, hook.kinds)))
    return bool(found.exists())


def _condition(kind: str) -> Any:
    if not kind.endswith(".*"):
        return Event.kind == kind
    begin = kind[:-1]
    # All that begin so, by the order of text: "/" comes after ".".
    return (Event.kind >= begin) & (Event.kind < f"{begin[:-1]}/")
