"""What a worker tells in the terminal: subjects filed, passes ended, no new mail."""

import logging
from collections.abc import Iterable

from postroom import wire

from .sinks import Delivery, Verdict

log = logging.getLogger("master")

#: More subjects of one batch than these are only counted: nobody reads four thousand a second.
SHOWN = 3
LONGEST = 80


def filed(mailbox: str, settled: Iterable[tuple[Delivery, Verdict]]) -> None:
    """Name the mails that are new in the database; set-aside ones with the reason."""
    subjects: list[str] = []
    for delivery, verdict in settled:
        if verdict.status == "stored":
            subjects.append(delivery.mail.subject if delivery.mail else "")
        elif verdict.status == "quarantined":
            log.warning("Quarantined: %s of %s: %s", delivery.key, mailbox, delivery.reason)
    if len(subjects) > SHOWN:
        first = ", ".join(map(_shown, subjects[:SHOWN]))
        log.info("Filed: %s and %d more (%s)", first, len(subjects) - SHOWN, mailbox)
        return
    for subject in subjects:
        log.info("Filed: %s (%s)", _shown(subject), mailbox)


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
