"""Lines that name mails, files and runs by their ids, once they are committed."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from postroom import following, wire

from ..deliveries import Delivery

log = logging.getLogger("api")


def mails(taken: Sequence[tuple[Any, str, int | None]]) -> None:
    """What became of each: its delivery, the status, the number of the mail."""
    if taken and log.isEnabledFor(logging.INFO):
        counted = counts(status for _, status, _ in taken)
        items = partial(_items, taken)
        log.info("API: mails: %s", counted, extra=following.told(items=items))


def _items(taken: Sequence[tuple[Any, str, int | None]]) -> list[dict[str, Any]]:
    return [
        {**_place(one), "status": status, **({"mail": id_} if id_ else {})}
        for one, status, id_ in taken
    ]


def _place(one: Any) -> dict[str, str]:
    if not isinstance(one, Delivery) or one.key is None:
        return {}
    return {"place": following.place(one.mailbox, one.folder, one.uidvalidity, one.key)}


def files(page: str, replies: Sequence[wire.FileReply]) -> None:
    """What became of each file of a page."""
    if replies:
        items = [{"url": each.url, "status": each.status, "file": each.id} for each in replies]
        counted = counts(each.status for each in replies)
        log.info("API: page %s: %s", page, counted, extra=following.told(items=items))


def run(id_: int, words: str, **about: Any) -> None:
    """What happened to a run; `about` names what else belongs to it."""
    known = {name: value for name, value in about.items() if value is not None}
    log.info("API: run %d: %s", id_, words, extra=following.told(run=id_, **known))


def counts(statuses: Iterable[str]) -> str:
    """How many of each, in words."""
    return ", ".join(f"{count:,} {status}" for status, count in Counter(statuses).items())
