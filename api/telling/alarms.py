"""Alarms: opened and ended by events, so that what the log tells and what is open never differ."""

from typing import Any, NamedTuple

from postroom.errors import RefusedError

from ..database import Database
from ..models import Alarm, Event, Fact, Mailbox, Page, now
from . import webhookfill

CURSOR = "alarms_event"
#: Events of one look.
WINDOW = 1_000


class _Meaning(NamedTuple):
    """What an event says of an alarm."""

    #: Names what it is about, together with a field of the event or its source.
    of: str
    opens: bool
    by: str = ""


_MEANINGS = {
    "source.silent": _Meaning("source", True),
    "source.failing": _Meaning("source", True),
    "source.recovered": _Meaning("source", False),
    "script.failing": _Meaning("script", True),
    "script.recovered": _Meaning("script", False),
    "script.missing": _Meaning("slots", True),
    "script.returned": _Meaning("slots", False),
    "quarantine.growing": _Meaning("quarantine", True),
    "quarantine.recovered": _Meaning("quarantine", False),
    "disk.low": _Meaning("disk", True),
    "disk.recovered": _Meaning("disk", False),
    "digest.failing": _Meaning("digest", True),
    "digest.recovered": _Meaning("digest", False),
    "webhook.failing": _Meaning("webhook", True, "webhook"),
    "webhook.disabled": _Meaning("webhook", True, "webhook"),
    "webhook.recovered": _Meaning("webhook", False, "webhook"),
    "webhook.enabled": _Meaning("webhook", False, "webhook"),
    "webhook.deleted": _Meaning("webhook", False, "webhook"),
    "runner.absent": _Meaning("runner", True),
    "runner.returned": _Meaning("runner", False),
}


def follow(db: Database) -> None:
    """Take up what the log tells; where it tells nothing of alarms, nearly nothing is written."""
    end = webhookfill.last_event()
    while (seen := _cursor()) < end:
        told = Event.select().where(Event.id > seen, Event.kind.in_(list(_MEANINGS)))
        if end - seen < WINDOW and not told.exists():
            return
        with db.writing():
            follow_within()


def follow_within() -> None:
    """The same for a window of events, inside a write transaction."""
    seen = _cursor()
    for event in Event.select().where(Event.id > seen).order_by(Event.id).limit(WINDOW):
        if meaning := _MEANINGS.get(event.kind):
            _take(event, meaning)
        seen = event.id
    if not Fact.update(value=str(seen), changed=now()).where(Fact.name == CURSOR).execute():
        Fact.create(name=CURSOR, value=str(seen))


def _take(event: Any, meaning: _Meaning) -> None:
    subject = _subject(event, meaning)
    alarm = found_open(subject)
    if not meaning.opens:
        if alarm:
            end(alarm, event.created)
    elif alarm:
        Alarm.update(kind=event.kind, about=event.about, changed=now()).where(
            Alarm.id == alarm.id
        ).execute()
    else:
        Alarm.create(
            subject=subject,
            kind=event.kind,
            source=event.source,
            about=event.about,
            event=event.id,
            created=event.created,
        )


def _subject(event: Any, meaning: _Meaning) -> str:
    if meaning.of == "source":
        # A page and a mailbox may have one name.
        return f"{'page' if 'url' in event.about else 'mailbox'}:{event.source}"
    return f"{meaning.of}:{event.about.get(meaning.by, '') if meaning.by else event.source}"


def found_open(subject: str) -> Any:
    """The open alarm about something; None where there is none."""
    return Alarm.get_or_none(Alarm.subject == subject, Alarm.ended == "")


def end(alarm: Any, time: str) -> None:
    """It is over; call it inside a write transaction."""
    Alarm.update(ended=time, changed=now()).where(Alarm.id == alarm.id).execute()


def forget_sources(db: Database) -> None:
    """End the alarms of sources that are configured no more."""
    of = {"mailbox": Mailbox, "page": Page}
    gone = []
    for alarm in Alarm.select().where(Alarm.ended == ""):
        kind, _, name = alarm.subject.partition(":")
        if kind in of and not of[kind].select().where(of[kind].name == name).exists():
            gone.append(alarm)
    if gone:
        with db.writing():
            for alarm in gone:
                end(alarm, now())


def acknowledge(db: Database, id_: int) -> Any:
    """Somebody knows of it: it is not told again, but for its end."""
    with db.writing():
        alarm = Alarm.get_or_none(Alarm.id == id_)
        if alarm is None:
            raise RefusedError("not_found", f"there is no alarm {id_}")
        alarm.acknowledged = alarm.acknowledged or now()
        alarm.changed = now()
        alarm.save()
    return alarm


def _cursor() -> int:
    return int(Fact.select(Fact.value).where(Fact.name == CURSOR).scalar() or 0)
