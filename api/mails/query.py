"""Filters of the mail list."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

import peewee

from postroom.errors import RefusedError

from ..models import Mail
from ..rest.contracts import Parameter
from ..schedule import stamp
from ..search.conditions import HAS, narrowed, stands_in
from ..search.querylang import parse
from ..search.querytree import Node, looked_for
from . import shown

#: What selects mails, in lists and exports alike.
FILTERS = (
    Parameter("mailbox", "Mails that stand in this mailbox."),
    Parameter("folder", "Mails that stand in a folder of this name."),
    Parameter("sender", "A whole address, or a part of the sender's name or address."),
    Parameter("since", "From this date or time on (ISO 8601).", error="bad_time"),
    Parameter("before", "Before this date or time (ISO 8601).", error="bad_time"),
    Parameter("q", "Mails that this query finds.", error="bad_query"),
    Parameter("sha256", "The mail with this content."),
    Parameter("has", "Mails that have this.", Literal["attachment", "defect"], error="bad_has"),
    Parameter("defect", "Mails with the defect of this code.", error="bad_defect"),
)

#: Of lists alone: an export goes by date.
SORT = Parameter(
    "sort", "The newest first, or those that fit `q` best.", Literal["date", "rank"], "date",
    error="bad_sort",
)  # fmt: skip


def mails(given: Mapping[str, str]) -> peewee.ModelSelect:
    """Mails that all the filters select, newest first, with the columns that lists show."""
    found = Mail.select(*shown.LISTED).order_by(Mail.date.desc(), Mail.id.desc())
    for condition in _conditions(given):
        found = found.where(condition)
    return found


def asked(given: Mapping[str, str]) -> Node | None:
    """What `q` says, if anything; RefusedError for what is no query."""
    text = given.get("q", "")
    return parse(text) if text.strip() else None


def wanted(given: Mapping[str, str]) -> Node:
    """What mails are ranked by; RefusedError where there is no word for that."""
    tree = asked(given)
    if tree is None or not any(looked_for(tree)):
        raise RefusedError("bad_sort", "sort=rank goes by the words of q, and there are none")
    return tree


def by_rank(given: Mapping[str, str]) -> bool:
    """Whether the best mails come first, not the newest."""
    sort = given.get("sort", "date")
    if sort not in ("date", "rank"):
        raise RefusedError("bad_sort", f"sort must be date or rank, not {sort!r}")
    return sort == "rank"


def _conditions(given: Mapping[str, str]) -> list[peewee.Node]:
    conditions: list[peewee.Node] = [Mail.state != "purged"]
    if "mailbox" in given or "folder" in given:
        conditions.append(stands_in(given.get("mailbox"), given.get("folder")))
    if "sender" in given:
        conditions.append(_sent_by(given["sender"]))
    if "since" in given:
        conditions.append(Mail.date >= time_of("since", given["since"]))
    if "before" in given:
        conditions.append(Mail.date < time_of("before", given["before"]))
    if "sha256" in given:
        conditions.append(Mail.sha256 == given["sha256"])
    if "has" in given:
        conditions.append(_has(given["has"]))
    if "defect" in given:
        conditions.append(_has_defect(given["defect"]))
    if tree := asked(given):
        conditions.append(narrowed(tree))
    return conditions


def _sent_by(sender: str) -> peewee.Node:
    """A whole address, or a part of the name or address."""
    if "@" in sender and not sender.startswith("@"):
        return Mail.from_address == sender.lower()
    return Mail.from_address.contains(sender.lower()) | Mail.from_name.contains(sender)


def time_of(name: str, text: str) -> str:
    """A date or time that a parameter gives, as the tables keep it."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise RefusedError(
            "bad_time", f"{name} must be a date or time in ISO 8601, not {text!r}"
        ) from e
    return stamp(at if at.tzinfo else at.replace(tzinfo=UTC))


def _has(what: str) -> peewee.Node:
    if what not in HAS:
        raise RefusedError("bad_has", f"has must be one of {', '.join(HAS)}, not {what!r}")
    return HAS[what]


def _has_defect(code: str) -> peewee.Node:
    if not re.fullmatch("[a-z0-9_]{1,100}", code):
        raise RefusedError("bad_defect", f"defect must be a code such as bad_date, not {code!r}")
    # The list is kept as JSON: a code stands in it in quotes.
    return peewee.Cast(Mail.defects, "TEXT").contains(f'"{code}"')
