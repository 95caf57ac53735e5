"""Digests: what is new, as rows that are made once and mailed at least once."""

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
import peewee

from postroom import wire
from postroom.errors import RefusedError
from postroom.groups import grouped

from .. import tasks
from ..database import Database
from ..log import events
from ..models import Digest, File, Page, Task, now
from ..schema.migrations import feed_epoch

#: Files of one digest, and bytes of its content as msgpack; what is over goes into a further one.
MOST_FILES = 500
MOST_BYTES = 1_000_000
#: The index of news holds for these very words.
_NEWS = peewee.SQL("news <> ''")
Piece = tuple[int, dict[str, Any]]


def make(page: Page | None, slot: str | None = None) -> bool:
    """Make the digests of what is not told yet, of one page or of all; whether there was any.

    Call it inside a write transaction.
    """
    found = File.select(File, Page.name).join(Page).where(_NEWS).order_by(File.page, File.id)
    if page is not None:
        found = found.where(File.page == page)
    parts = list(grouped(map(_piece, found), _length, MOST_FILES, MOST_BYTES))
    for number, part in enumerate(parts, 1):
        _create(page, f"{slot} ({number})" if slot and number > 1 else slot, part)
    return bool(parts)


def make_daily(slot: str) -> None:
    """Make the digest of that name over all pages, once; call it inside a write transaction."""
    if not is_made(slot) and not make(None, slot):
        # Nothing is new: noted, so that what comes later waits for the next day.
        Digest.create(slot=slot, message_id=_message_id(), state="empty")


def is_made(slot: str) -> bool:
    """Whether the digest of that name was made, be it without anything to tell."""
    return bool(Digest.select().where(Digest.slot == slot).exists())


def _piece(file: File) -> Piece:
    told = wire.DigestFile(
        id=file.id,
        page=file.page.name,
        what=file.news,
        filename=file.filename,
        url=file.download_url,
        size=file.size,
        storage_url=file.storage_url,
        reason=file.error if file.news == "failed" else "",
    )
    return file.id, msgspec.to_builtins(told)


def _length(piece: Piece) -> int:
    return len(msgspec.msgpack.encode(piece[1]))


def _create(page: Page | None, slot: str | None, part: Sequence[Piece]) -> None:
    ids = [id_ for id_, _ in part]
    digest = Digest.create(
        page=page,
        slot=slot,
        message_id=_message_id(),
        files=len(ids),
        content=[shown for _, shown in part],
    )
    File.update(news="", digest=digest).where(File.id.in_(ids)).execute()
    tasks.add("digest", page.name if page else "", {"digest": digest.id})


def _message_id() -> str:
    return f"<{secrets.token_hex(16)}@{feed_epoch()}.postroom>"


def target(task: Task) -> dict[str, Any]:
    """A digest as whoever mails it needs it: a wire.WatchDigest."""
    digest = Digest.get_by_id(task.target["digest"])
    return {
        "id": digest.id,
        "message_id": digest.message_id,
        "created": digest.created,
        "page": task.source,
        "files": digest.content,
    }


def retry(db: Database, id_: int) -> Task:
    """Have a digest that waits for another try mailed now."""
    with db.writing():
        digest = Digest.get_or_none(Digest.id == id_)
        if digest is None:
            raise RefusedError("not_found", f"there is no digest {id_}")
        if digest.state != "due":
            raise RefusedError("not_due", f"digest {id_} is {digest.state}: nothing is to be done")
        Digest.update(next_try="", changed=now()).where(Digest.id == id_).execute()
        name, about = "", {"digest": id_}
        if digest.page_id:
            name, about["url"] = digest.page.name, digest.page.url
        return tasks.hasten("digest", name, {"digest": id_}, **about)


def sent(task: Task) -> None:
    """Note that a digest was mailed; call it inside a write transaction."""
    digest = Digest.get_by_id(task.target["digest"])
    if digest.state != "sent":
        Digest.update(
            state="sent", sent_at=now(), changed=now(), error="", next_try=""
        ).where(Digest.id == digest.id).execute()  # fmt: skip
        if digest.attempts:
            events.tell("digest.recovered", task.source, digest=digest.id)
        events.tell("digest.sent", task.source, digest=digest.id, files=digest.files)


def failed(task: Task, reason: str, next_try: str) -> None:
    """Note that a digest could not be mailed; told of the first time."""
    digest = Digest.get_by_id(task.target["digest"])
    Digest.update(
        attempts=digest.attempts + 1, error=reason, next_try=next_try, changed=now()
    ).where(Digest.id == digest.id).execute()  # fmt: skip
    if not digest.attempts:
        events.tell("digest.failing", task.source, digest=digest.id, error=reason)
