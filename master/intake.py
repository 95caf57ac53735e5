"""Raw bytes to the store: from the body of a push, or from the spool."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

from postroom import wire
from postroom.errors import TemporaryError
from postroom.headers import header_block, header_sha256
from postroom.storage import Storage

from .spool import Spool

#: Larger mails go to the store in pieces.
LARGE = 4 * 1024 * 1024
PIECE = 1024 * 1024
DISK_SECONDS = 30.0
#: Before parts are sent again that did not arrive as told.
AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail whose raw bytes the store holds."""

    item: wire.Item
    sha256: str
    size: int
    header_sha256: str
    #: None for one that came in parts: it is read from the spool when it is parsed.
    raw: bytes | None


class Intake:
    """What a worker takes in is in the store before anything else happens to it."""

    def __init__(self, storage: Storage, spool: Spool) -> None:
        self._storage = storage
        self._spool = spool

    def take(
        self, bodies: Iterable[tuple[wire.Item, memoryview]]
    ) -> tuple[list[Kept | wire.ItemReply], int]:
        """Store all, durable on return; give what was kept, in order, and the commit to rely on."""
        kept: list[Kept | wire.ItemReply] = []
        small: list[tuple[str, bytes]] = []
        number = 0
        with storing():
            for item, body in bodies:
                if item.upload:
                    found, number = self._from_spool(item, item.upload, number)
                    kept.append(found)
                    continue
                mail = _kept(item, bytes(body))
                kept.append(mail)
                if mail.size <= LARGE:
                    small.append((mail.sha256, mail.raw or b""))
                else:
                    number = self._large(mail, number)
            number = max(number, self._storage.put_many(small) if small else self._storage.batch())
        return kept, number

    def raw(self, kept: Kept) -> bytes:
        """The bytes, for the parser."""
        if kept.raw is not None or not kept.item.upload:
            return kept.raw or b""
        with self._spool.read(kept.item.upload.id) as stream:
            return stream.read()

    def done(self, item: wire.Item) -> None:
        """The item was answered for good."""
        if item.upload:
            self._spool.remove(item.upload.id)

    def _large(self, mail: Kept, number: int) -> int:
        raw = memoryview(mail.raw or b"")
        with self._storage.open_write(mail.sha256) as writer:
            for start in range(0, len(raw), PIECE):
                writer.write(raw[start : start + PIECE])
            return max(number, writer.commit())

    def _from_spool(
        self, item: wire.Item, upload: wire.Upload, number: int
    ) -> tuple[Kept | wire.ItemReply, int]:
        held = self._spool.size(upload.id)
        if held < upload.size:
            reason = f"{held} of {upload.size} bytes have come"
            return wire.ItemReply(
                key=item.key, status="retry", after=AGAIN_SECONDS, reason=reason
            ), number
        digest, head = sha256(), b""
        with (
            self._spool.read(upload.id) as stream,
            self._storage.open_write(upload.sha256) as writer,
        ):
            while piece := stream.read(PIECE):
                head = head or piece
                digest.update(piece)
                writer.write(piece)
            if digest.hexdigest() == upload.sha256 and held == upload.size:
                number = max(number, writer.commit())
                header = header_sha256(header_block(head))
                return Kept(item, upload.sha256, held, header, None), number
        self._spool.remove(upload.id)
        reason = "the parts do not have the SHA-256 that was told: send them again"
        return wire.ItemReply(
            key=item.key, status="retry", after=AGAIN_SECONDS, reason=reason
        ), number


@contextmanager
def storing() -> Iterator[None]:
    """Around the use of the store: a failing disk is no fault of the mail."""
    try:
        yield
    except OSError as e:
        raise TemporaryError(f"the store cannot be written: {e}", DISK_SECONDS) from e


def _kept(item: wire.Item, raw: bytes) -> Kept:
    header = header_sha256(header_block(raw))
    return Kept(item, sha256(raw).hexdigest(), len(raw), header, raw)
