"""What is wanted of what a source lists: all that the store lacks, and what is due again."""

from postroom import wire

from ..database import Database
from ..models import Folder, Mailbox, now
from . import receipts, rematch, samples, windows
from .folders import Numbering, find, find_mailbox, find_or_open, key_text


def answer(db: Database, offer: wire.Offer) -> wire.OfferReply:
    """Compare one window, or tell whether anything changed since the last receipt."""
    mailbox = find_mailbox(offer.mailbox, offer.epoch)
    numbering = _numbering(offer)
    if offer.renumbered is not None:
        numbering = _renumber(db, mailbox, numbering, offer.renumbered)
    folder = find(numbering, mailbox)
    if offer.window is None:
        return _unchanged(folder, offer.status)
    if offer.digests:
        with db.writing():
            folder = Folder.get_by_id(find_or_open(numbering).id)
            rematch.match_again(folder, offer.digests)
    return _wanted(folder, mailbox, offer, offer.window)


def _numbering(offer: wire.Offer) -> Numbering:
    return Numbering(offer.mailbox, offer.epoch, offer.folder, offer.uidvalidity, offer.generation)


def _renumber(db: Database, mailbox: Mailbox, numbering: Numbering, mistrusted: int) -> Numbering:
    """Open the next generation, once, however often it is asked for."""
    with db.writing():
        latest = find(numbering._replace(generation=None), mailbox)
        generation = mistrusted + 1
        if latest is None or latest.generation < generation:
            find_or_open(numbering._replace(generation=generation))
    return numbering._replace(generation=generation)


def _unchanged(folder: Folder | None, status: wire.Status) -> wire.OfferReply:
    if folder is None:
        return wire.OfferReply()
    return wire.OfferReply(
        last=folder.last_number,
        generation=folder.generation,
        unchanged=receipts.still_true(folder, status),
        due=windows.due_in(folder),
        lowest=windows.lowest(folder),
    )


def _wanted(
    folder: Folder | None, mailbox: Mailbox, offer: wire.Offer, window: wire.Window
) -> wire.OfferReply:
    held = windows.known(folder, window) if folder else {}
    time = now()
    lacking = sorted(
        (k for k in window.listed() if windows.is_wanted(held.get(key_text(k)), time)),
        reverse=True,
    )
    # After digests, only what they were given of: the rest of the window may still match.
    matched = {digest.key for digest in offer.digests}
    wanted = [key for key in lacking if not matched or key in matched][: wire.MAX_WANTED]
    return wire.OfferReply(
        wanted=wanted,
        more=len(lacking) > len(wanted),
        last=folder.last_number if folder else 0,
        generation=folder.generation if folder else offer.generation or 0,
        rematch=bool(wanted) and not matched and rematch.has_elder(folder, mailbox, offer),
        samples=samples.take(folder, window) if folder else [],
        due=windows.due_in(folder) if folder else None,
        lowest=windows.lowest(folder) if folder else None,
    )
