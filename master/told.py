"""What a worker tells in the terminal: subjects filed, passes ended, no new mail."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from postroom import following, wire

from .sinks import Delivery, Verdict

log = logging.getLogger("master")

#: More subjects of one batch than these are only counted: nobody reads four thousand a second.
SHOWN = 3
LONGEST = 80


def filed(mailbox: str, settled: Sequence[tuple[Delivery, Verdict]]) -> None:
    """Name the mails that are new in the database; set-aside ones with the reason."""
    for delivery, verdict in settled:
        if verdict.status == "quarantined":
            words = "Quarantined: %s of %s: %s"
            log.warning(
                words, delivery.key, mailbox, delivery.reason, extra=_items((delivery, verdict))
            )
    fresh = [each for each in settled if each[1].status == "stored"]
    if len(fresh) > SHOWN:
        first = ", ".join(_subject(delivery) for delivery, _ in fresh[:SHOWN])
        more = len(fresh) - SHOWN
        log.info("Filed: %s and %d more (%s)", first, more, mailbox, extra=_items(*fresh))
    else:
        for one in fresh:
            log.info("Filed: %s (%s)", _subject(one[0]), mailbox, extra=_items(one))
    rest = [each for each in settled if each[1].status not in ("stored", "quarantined")]
    if rest:
        counted = Counter(verdict.status for _, verdict in rest)
        words = ", ".join(f"{count} {status}" for status, count in counted.items())
        log.info("Master: %s: %s", mailbox, words, extra=_items(*rest))


def _subject(delivery: Delivery) -> str:
    return _shown(delivery.mail.subject if delivery.mail else "")


def _items(*settled: tuple[Delivery, Verdict]) -> dict[str, Any]:
    """What the line of these mails names them by."""
    return following.told(items=lambda: [_item(*each) for each in settled])


def _item(one: Delivery, verdict: Verdict) -> dict[str, Any]:
    named = {
        "place": following.place(one.mailbox, one.folder, one.uidvalidity, one.key),
        "status": verdict.status,
        "mail": verdict.mail,
        "sha256": one.sha256,
    }
    return {name: value for name, value in named.items() if value}


def brought(page: str, items: Sequence[wire.FileReply]) -> None:
    """What became of the files of a page."""
    counted = Counter(item.status for item in items)
    words = ", ".join(f"{count} {status}" for status, count in counted.items())
    named = [{"url": each.url, "status": each.status, "file": each.id} for each in items]
    log.info("Master: page %s: %s", page, words, extra=following.told(items=named))


def passed(end: wire.Pass, reply: wire.PassReply) -> None:
    """Say how a pass ended."""
    where = f"{end.mailbox}/{end.folder}" if end.folder else end.mailbox
    if end.error:
        log.warning("Master: %s cannot be read: %s", where, _shown(end.error))
    elif receipt := reply.receipt:
        log.info(
            "Master: %s: listed %d = stored %d + quarantined %d + refused %d + too big %d "
            "+ missing %d%s",
            where,
            receipt.listed,
            receipt.stored,
            receipt.quarantined,
            receipt.refused,
            receipt.too_big,
            receipt.missing,
            f" + purged {receipt.purged}" if receipt.purged else "",
        )
    elif end.window is None:
        log.info("Master: %s: no new mail", where)


def looked(end: wire.Looked, reply: wire.LookedReply) -> None:
    """Say how a look at a page ended."""
    if end.error:
        log.warning("Master: page %s cannot be read: %s", end.page, _shown(end.error))
    elif reply.error:
        log.warning("Master: page %s: %s", end.page, _shown(reply.error))
    else:
        log.info(
            "Master: page %s: %d links, %d new, %d changed, %d failed",
            end.page, end.links, reply.new, reply.changed, reply.failed,
        )  # fmt: skip


def _shown(text: str) -> str:
    """One line of a terminal: what a stranger wrote must not steer it."""
    plain = "".join(char if char.isprintable() else " " for char in text[: LONGEST + 1])
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"
