"""By what mails are known that have no UIDL of their own.

It is what their headers say, and their size; where the server cannot give headers alone, or two
mails agree in them, it is the whole mail. Message numbers say nothing: they are another mail's in
the next session. But servers append, so that what was known of a listing's mails tells which of
the next one are the same, as soon as one of them has been read and found again.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple, Protocol

from postroom.headers import header_block, lasting

#: How long what is known of a listing is believed; then all is looked at anew.
BELIEVED_SECONDS = 86_400.0
_HEAD, _WHOLE, _NOTHING = "top:", "raw:", "none:"
OWN = (_HEAD, _WHOLE, _NOTHING)


class Listed(NamedTuple):
    """A mail of the listing."""

    number: int
    size: int


class Reader(Protocol):
    """How mails are looked at; both give None for a mail that the server does not give."""

    #: Whether headers can be had alone.
    has_top: bool

    def top(self, number: int) -> bytes | None:
        """The header block."""

    def hashed(self, number: int) -> str | None:
        """The SHA-256 of the whole."""


class Anonymous:
    """Kept over sessions, for this process only."""

    def __init__(self) -> None:
        #: Sizes and keys of the last listing, in its order.
        self._last: list[tuple[int, str]] = []
        self._looked_at = 0.0
        #: Keys of headers that stood in more than one mail.
        self._twins: set[str] = set()

    def forget(self) -> None:
        """Look at all mails next time."""
        self._last = []

    def keys(self, mails: Sequence[Listed], reader: Reader, now: float) -> list[str]:
        """A key for each mail; equal ones are for mails that are equal byte for byte."""
        if now - self._looked_at >= BELIEVED_SECONDS:
            self.forget()
        if not self._last:
            self._looked_at = now
        if self._unchanged(mails, reader):
            return [key for _, key in self._last]
        keys = self._recognised(mails, reader)
        for i, mail in enumerate(mails):
            keys[i] = keys[i] or self._key(mail, reader)
        heads = Counter(key for key in keys if key.startswith(_HEAD))
        twins = {key for key, count in heads.items() if count > 1}
        if twins and self._last:
            # What was recognised may have been the other one: then nothing below it is certain.
            self.forget()
            return self.keys(mails, reader, now)
        self._twins |= twins
        for i, mail in enumerate(mails):
            if keys[i] in self._twins:
                keys[i] = _whole(mail, reader)
        self._last = [(mail.size, key) for mail, key in zip(mails, keys, strict=True)]
        return keys

    def _unchanged(self, mails: Sequence[Listed], reader: Reader) -> bool:
        # Whole mails are not read only to see that they are the same.
        return not reader.has_top and [mail.size for mail in mails] == [s for s, _ in self._last]

    def _recognised(self, mails: Sequence[Listed], reader: Reader) -> list[str]:
        """Read from the newest down to one that was there before: all below it are old."""
        keys = [""] * len(mails)
        places = {key: at for at, (_, key) in enumerate(self._last) if not key.startswith(_NOTHING)}
        for i in range(len(mails) - 1, -1, -1):
            keys[i] = self._key(mails[i], reader)
            if keys[i] in places:
                old = reversed(self._last[: places[keys[i]]])
                for j in range(i - 1, -1, -1):
                    # What another client deleted is passed over.
                    keys[j] = next((key for size, key in old if size == mails[j].size), "")
                break
        return keys

    def _key(self, mail: Listed, reader: Reader) -> str:
        block = reader.top(mail.number)
        key = head_key(block, mail.size) if block else ""
        return key if key and key not in self._twins else _whole(mail, reader)


def head_key(block: bytes, size: int) -> str:
    """The key of a mail by its header block, in which nothing that changes counts."""
    return f"{_HEAD}{sha256(lasting(block)).hexdigest()}:{size}"


def _whole(mail: Listed, reader: Reader) -> str:
    found = reader.hashed(mail.number)
    # It is offered all the same, so that somebody learns that it cannot be had.
    return f"{_WHOLE}{found}" if found else f"{_NOTHING}{mail.number}:{mail.size}"


def agrees(key: str, body: bytes, size: int) -> bool:
    """Whether these bytes are the mail of that key, as far as the key tells."""
    if key.startswith(_WHOLE):
        return key == f"{_WHOLE}{sha256(body).hexdigest()}"
    return not key.startswith(_HEAD) or key == head_key(header_block(body), size)
