"""Filters of the mail list."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import peewee

from postroom.errors import RefusedError

from . import search
from .models import Folder, Mail, Mailbox, Place
from .schedule import stamp

LISTED = (
    Mail.id,
    Mail.sha256,
    Mail.size,
    Mail.state,
    Mail.date,
    Mail.subject,
    Mail.from_name,
    Mail.from_address,
    Mail.message_id,
    Mail.attachment_count,
    Mail.defects,
)
FILTERS = frozenset(
    {
        "mailbox",
        "folder",
        "sender",
        "since",
        "before",
        "q",
        "sha256",
        "has",
        "defect",
        "limit",
        "cursor",
    }
)


def mails(given: Mapping[str, str]) -> peewee.ModelSelect:
    """Mails that all the filters select, newest first; RefusedError for a filter that is none."""
    unknown = sorted(set(given) - FILTERS)
    if unknown:
        known = ", ".join(sorted(FILTERS))
        raise RefusedError("unknown_filter", f"there is no filter {unknown[0]!r}: take {known}")
    found = Mail.select(*LISTED).order_by(Mail.date.desc(), Mail.id.desc())
    for condition in _conditions(given):
        found = found.where(condition)
    return found


def _conditions(given: Mapping[str, str]) -> list[peewee.Node]:
    conditions: list[peewee.Node] = []
    if "mailbox" in given or "folder" in given:
        conditions.append(_stands_in(given.get("mailbox"), given.get("folder")))
    if "sender" in given:
        conditions.append(_sent_by(given["sender"]))
    if "since" in given:
        conditions.append(Mail.date >= _time("since", given["since"]))
    if "before" in given:
        conditions.append(Mail.date < _time("before", given["before"]))
    if "sha256" in given:
        conditions.append(Mail.sha256 == given["sha256"])
    if "has" in given:
        conditions.append(_has(given["has"]))
    if "defect" in given:
        conditions.append(_has_defect(given["defect"]))
    if given.get("q", "").strip():
        conditions.append(_matches(given["q"]))
    return conditions


def _stands_in(mailbox: str | None, folder: str | None) -> peewee.Node:
    places = Place.select(peewee.SQL("1")).join(Folder).join(Mailbox).where(Place.mail == Mail.id)
    if mailbox is not None:
        places = places.where(Mailbox.name == mailbox)
    if folder is not None:
        places = places.where(Folder.name == folder)
    return peewee.fn.EXISTS(places)


def _sent_by(sender: str) -> peewee.Node:
    """A whole address, or a part of the name or address."""
    if "@" in sender and not sender.startswith("@"):
        return Mail.from_address == sender.lower()
    return Mail.from_address.contains(sender.lower()) | Mail.from_name.contains(sender)


def _time(name: str, text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise RefusedError(
            "bad_time", f"{name} must be a date or time in ISO 8601, not {text!r}"
        ) from e
    return stamp(at if at.tzinfo else at.replace(tzinfo=UTC))


def _has(what: str) -> peewee.Node:
    conditions = {
        "attachment": Mail.attachment_count > 0,
        "defect": peewee.fn.LENGTH(Mail.defects) > len("[]"),
    }
    if what not in conditions:
        raise RefusedError("bad_has", f"has must be one of {', '.join(conditions)}, not {what!r}")
    return conditions[what]


def _has_defect(code: str) -> peewee.Node:
    if not re.fullmatch("[a-z0-9_]{1,100}", code):
        raise RefusedError("bad_defect", f"defect must be a code such as bad_date, not {code!r}")
    # The list is kept as JSON: a code stands in it in quotes.
    return peewee.Cast(Mail.defects, "TEXT").contains(f'"{code}"')


def _matches(text: str) -> peewee.Node:
    wanted = search.match(text)
    if not wanted:
        raise RefusedError("bad_query", "q has no word to look for")
    table = peewee.Table("mail_search", ("rowid",))
    hits = table.select(table.rowid).where(peewee.SQL("mail_search MATCH ?", (wanted,)))
    return Mail.id.in_(hits)
