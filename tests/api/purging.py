"""Mails made older, a purge, and what it told of."""

import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from api.models import Event, Mail, Place
from api.purging import purge
from api.purging.rules import Rules
from api.schedule import stamp
from tests.api.caller import Caller, mail_bytes

MONTH = Rules(mailboxes={"work": 30.0})


def hash_of(uid: int) -> str:
    return sha256(mail_bytes(uid)).hexdigest()


def age(api: Caller, days: float, *uids: int) -> None:
    """As if these mails had come so long ago; their ids are the lowest."""
    with api.db.writing():
        Mail.update(created=ago(days)).where(
            Mail.sha256 << [hash_of(uid) for uid in uids]
        ).execute()
        mails = Mail.select(Mail.id).where(Mail.sha256 << [hash_of(uid) for uid in uids])
        Place.update(created=ago(days)).where(Place.mail << mails).execute()
    for uid in uids:
        age_object(api, hash_of(uid), days)


def age_object(api: Caller, key: str, days: float) -> None:
    with api.storage._file.write() as db:  # type: ignore[attr-defined]
        db.execute("UPDATE objects SET touched = touched - ? WHERE key = ?", (days * 86_400, key))


def ago(days: float) -> str:
    return stamp(datetime.now(UTC) - timedelta(days=days))


def run(api: Caller, said: Rules = MONTH) -> list[tuple[str, str, int]]:
    """Purge; what went of which source."""
    stores: purge.Stores = {"mails": api.storage, "files": api.files}
    lines = purge.Purge(api.db, stores, said, threading.Event(), datetime.now(UTC)).run()
    return [(line.kind, line.source, line.count) for line in lines]


def events(kind: str) -> list[dict[str, Any]]:
    found = Event.select().where(Event.kind == kind).order_by(Event.id)
    return [{"source": event.source, **event.about} for event in found]
