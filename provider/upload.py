"""A mail too large for one message goes ahead in parts."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from hashlib import blake2b, sha256
from typing import Any

from postroom import wire
from postroom.errors import RefusedError, SourceError
from postroom.wire import Key

from .link import Link

#: What a part has to wait for before it is fetched.
Room = Callable[[], AbstractContextManager[None]]
#: Bytes of an upload's id.
ID_SIZE = 16


def upload(
    link: Link,
    place: Mapping[str, Any],
    key: Key,
    size: int,
    pieces: Iterator[bytes],
    room: Room,
) -> wire.Item | wire.Retry | None:
    """Send the pieces that the master lacks, one under way while the next is fetched.

    Returns the item to be pushed, Retry when the master could not take a part, None when there
    was no piece at all. `size` is what the server told; it is not trusted.
    """
    name = [*map(str, place.values()), str(key), str(size)]
    try:
        return _Upload(link, name).run(key, size, pieces, room)
    except _NotNowError as e:
        return e.answer
    except (SourceError, RefusedError) as e:
        return wire.Item(key=key, size=size, outcome="refused", reason=str(e)[:1_000])


class _Upload:
    """Reads the whole mail, as the SHA-256 is of all of it; sends only what is not there yet."""

    def __init__(self, link: Link, name: list[str]) -> None:
        self._link = link
        self._name = name
        self._id = ""
        self._digest = sha256()
        self._read = 0
        #: What the master has without a gap, as far as it said.
        self._received = 0
        self._under_way: Future[Any] | None = None

    def run(self, key: Key, size: int, pieces: Iterator[bytes], room: Room) -> wire.Item | None:
        """Send it, and return the item that names it; None when there was no piece."""
        limit = self._link.limits.mail_bytes
        while True:
            with room():
                piece = next(pieces, b"")
                self._settle()
                if not piece:
                    break
                if self._read + len(piece) > limit:
                    self._give_up(limit)
                    beyond = max(size, self._read + len(piece))
                    return wire.Item(key=key, size=beyond, outcome="too_big")
                self._take(piece)
        if not self._read:
            return None
        whole = wire.Upload(id=self._id, size=self._read, sha256=self._digest.hexdigest())
        return wire.Item(key=key, size=size, upload=whole)

    def _take(self, piece: bytes) -> None:
        # The first piece names the upload too: what another mail left behind is never gone on with.
        self._id = self._id or _upload_id(self._name, piece)
        self._digest.update(piece)
        start, self._read = self._read, self._read + len(piece)
        if self._read > self._received:
            self._under_way = self._send(wire.Part(upload=self._id, offset=start), piece)

    def _send(self, part: wire.Part, piece: bytes) -> Future[Any]:
        size, budget = len(piece), self._link.shared.budget
        budget.sent(size)
        future = self._link.shared.lanes.submit(part, [piece])
        future.add_done_callback(lambda _: budget.answered(size))
        return future

    def _settle(self) -> None:
        """Wait until the part that is under way has come."""
        under_way, self._under_way = self._under_way, None
        if under_way is None:
            return
        match under_way.result():
            case wire.Retry() as retry:
                raise _NotNowError(retry)
            case wire.Refusal(code=code, message=message):
                raise RefusedError(code, message)
            case wire.PartReply(received=received):
                if received < self._read:
                    # The spool lost what it had.
                    raise _NotNowError(wire.Retry(after=1.0, reason="the upload has a gap"))
                self._received = received

    def _give_up(self, limit: int) -> None:
        """A part beyond the limit is refused, and the spool lets go of the upload."""
        beyond = wire.Part(upload=self._id, offset=limit)
        self._link.shared.lanes.submit(beyond, [b"."]).result()


class _NotNowError(Exception):
    def __init__(self, answer: wire.Retry) -> None:
        super().__init__(answer.reason)
        self.answer = answer


def _upload_id(name: list[str], first: bytes) -> str:
    """The same at each try of the same mail, so that it goes on where it was."""
    told = "\0".join([*name, ""]).encode("utf-8", "surrogatepass")
    hashed = blake2b(told, digest_size=ID_SIZE)
    hashed.update(first)
    return hashed.hexdigest()
