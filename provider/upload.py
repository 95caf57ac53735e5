"""A mail too large for one message goes ahead in parts."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from hashlib import sha256
from secrets import token_hex
from typing import Any

from postroom import wire
from postroom.errors import RefusedError, SourceError
from postroom.wire import Key

from .link import Link

#: What a part has to wait for before it is fetched.
Room = Callable[[], AbstractContextManager[None]]


def upload(
    link: Link, key: Key, size: int, pieces: Iterator[bytes], room: Room
) -> wire.Item | wire.Retry | None:
    """Send the pieces, one under way while the next is fetched.

    Returns the item to be pushed, Retry when the master could not take a part, None when there
    was no piece at all. `size` is what the server told; it is not trusted.
    """
    try:
        return _upload(link, key, size, pieces, room)
    except _NotNowError as e:
        return e.answer
    except (SourceError, RefusedError) as e:
        return wire.Item(key=key, size=size, outcome="refused", reason=str(e)[:1_000])


def _upload(
    link: Link, key: Key, size: int, pieces: Iterator[bytes], room: Room
) -> wire.Item | None:
    upload_id, digest, sent = token_hex(16), sha256(), 0
    under_way: Future[Any] | None = None
    while True:
        with room():
            piece = next(pieces, b"")
            if under_way:
                _check(under_way, sent)
            if not piece:
                break
            if sent + len(piece) > link.limits.mail_bytes:
                _give_up(link, upload_id)
                return wire.Item(key=key, size=max(size, sent + len(piece)), outcome="too_big")
            digest.update(piece)
            under_way = _send(link, wire.Part(upload=upload_id, offset=sent), piece)
            sent += len(piece)
    if under_way is None:
        return None
    whole = wire.Upload(id=upload_id, size=sent, sha256=digest.hexdigest())
    return wire.Item(key=key, size=size, upload=whole)


def _send(link: Link, part: wire.Part, piece: bytes) -> Future[Any]:
    size, budget = len(piece), link.shared.budget
    budget.sent(size)
    future = link.shared.lanes.submit(part, [piece])
    future.add_done_callback(lambda _: budget.answered(size))
    return future


def _give_up(link: Link, upload_id: str) -> None:
    """A part beyond the limit is refused, and the spool lets go of the upload."""
    beyond = wire.Part(upload=upload_id, offset=link.limits.mail_bytes)
    link.shared.lanes.submit(beyond, [b"."]).result()


class _NotNowError(Exception):
    def __init__(self, answer: wire.Retry) -> None:
        super().__init__(answer.reason)
        self.answer = answer


def _check(under_way: Future[Any], sent: int) -> None:
    match under_way.result():
        case wire.Retry() as retry:
            raise _NotNowError(retry)
        case wire.Refusal(code=code, message=message):
            raise RefusedError(code, message)
        case wire.PartReply(received=received) if received < sent:
            # The spool lost what it had: from the beginning, under another id.
            raise _NotNowError(wire.Retry(after=1.0, reason="the upload has a gap"))
