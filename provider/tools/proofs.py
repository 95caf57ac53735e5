"""That a mail is stored, and that the server's mail is the stored one."""

from collections.abc import Generator
from contextlib import closing
from hashlib import sha256

from postroom.archive import Archive, Stored
from postroom.errors import RefusedError, SourceError
from postroom.headers import header_block

from ..sources import Head, Removal
from .compare import compare

#: Bytes of a stored mail in which its header block is looked for.
MAX_HEAD = 1024 * 1024


class MismatchError(SourceError):
    """A mail must not be deleted: the text says which and why."""


def stored_head(archive: Archive, stored: Stored) -> bytes:
    """The header block of a stored mail; no more of it is read."""
    head = b""
    with closing(_pieces(archive, stored)) as pieces:
        for piece in pieces:
            head += piece
            if len(header_block(head)) < len(head) or len(head) >= MAX_HEAD:
                break
    return header_block(head)


def _pieces(archive: Archive, stored: Stored) -> Generator[bytes]:
    try:
        yield from archive.raw(stored.mail or 0)
    except RefusedError as e:
        raise _mismatch(stored, f"it cannot be read back: {e}") from e


def prove(removal: Removal, archive: Archive, stored: Stored, head: Head | None) -> str:
    """What proves that this mail may be deleted; MismatchError when nothing does."""
    kept = _read_back(archive, stored)
    # Without headers there is nothing that they could prove.
    if head is None or head.block is None or not kept:
        return _prove_whole(removal, stored)
    verdict = compare(head.block, kept)
    if not verdict.certain:
        raise _mismatch(stored, f"the server's mail is not the stored one ({verdict.proof})")
    sizes = {head.size, stored.server_size} - {None, 0}
    if verdict.proof == "same_headers" and len(sizes) > 1:
        raise _mismatch(stored, "the server tells another size than when it was stored")
    return verdict.proof


def _read_back(archive: Archive, stored: Stored) -> bytes:
    """The header block of the stored bytes, all of which are read and hashed."""
    digest, head = sha256(), b""
    for piece in _pieces(archive, stored):
        digest.update(piece)
        if len(head) < MAX_HEAD:
            head += piece
    if digest.hexdigest() != stored.sha256:
        raise _mismatch(stored, "the stored bytes are damaged: their SHA-256 is another one")
    return header_block(head)


def _prove_whole(removal: Removal, stored: Stored) -> str:
    """Where headers cannot be had alone, all of the mail is read and compared."""
    whole = removal.whole(stored.key)
    if not whole:
        raise _mismatch(stored, "the server gives neither its headers nor the mail")
    if whole != stored.sha256:
        raise _mismatch(stored, "the server's mail is not the stored one (other bytes)")
    return "same_bytes"


def _mismatch(stored: Stored, why: str) -> MismatchError:
    return MismatchError(
        f"{stored.folder}: mail {stored.key}: {why}; it is left, and so is all after it"
    )
