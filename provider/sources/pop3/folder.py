"""The one folder of a POP3 account, as one session sees it."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from poplib import error_proto

from postroom import wire
from postroom.errors import SourceError
from postroom.headers import header_block, header_sha256
from postroom.wire import Key

from ...quota import Day, Quota
from .. import Fetched, Head, dates, first, textkeys
from ..strikes import LargerError, Strikes
from . import identity
from .connection import Connection
from .errors import told

INBOX = "INBOX"
#: Bytes of a header block, and of a mail that is not streamed; servers err about sizes.
MAX_HEAD = 1024 * 1024
MAX_BODY = 8 * 1024 * 1024
MAX_SIZE = 2**63 - 1
#: So many mails in a row that are older end the search for the first one since a date.
OLDER_IN_A_ROW = 50
_MESSAGE_ID = re.compile(rb"^Message-ID[ \t]*:(.*(?:\n[ \t].*)*)", re.I | re.M)


@dataclass(slots=True)
class Memory:
    """What is kept over sessions, for this process only."""

    strikes: Strikes = field(default_factory=Strikes)
    #: Of mails whose headers the server cannot tell, by number and size.
    doubts: Strikes = field(default_factory=lambda: Strikes(lasting=True))
    anonymous: identity.Anonymous = field(default_factory=identity.Anonymous)
    #: Whether the server gave UIDLs before.
    had_uidl: bool = False
    #: Counts what is read only to know which mail it is.
    quota: Quota = field(default_factory=lambda: Quota(Day()))


class Pop3Folder:
    """RETR and TOP only: nothing is deleted. Message numbers hold for this session alone."""

    name = INBOX
    uidvalidity = 0

    def __init__(
        self,
        connection: Connection,
        capabilities: dict[str, list[str]] | None,
        memory: Memory,
        first_pass: str,
    ) -> None:
        self._connection = connection
        self._memory = memory
        self._first = first_pass
        self._capabilities = capabilities
        #: None: the server does not say; the first refusal will.
        self.has_top: bool = capabilities is None or "TOP" in capabilities
        #: Whether whole mails were read for this listing.
        self._reads_all = False
        self._sizes: dict[int, int] = {}
        #: In the order of the message numbers, which is that of arrival.
        self._numbers = self._listing()
        listed = sha256("\n".join(sorted(self._numbers)).encode()).digest()
        # A number that differs when the listing does stands for UIDNEXT.
        uidnext = int.from_bytes(listed[:8], "big") >> 1
        self.status = wire.Status(uidnext=uidnext, exists=len(self._sizes))

    # --- the listing

    def _listing(self) -> dict[str, int]:
        with told("listing the maildrop"):
            for number, text in self._connection.numbered("LIST").items():
                size = text.split(b" ")[0]
                known = size.isdigit() and len(size) < 19
                self._sizes[number] = int(size) if known else 0
            uidls = self._uidls()
        # What came between the two is listed by the second alone.
        self._sizes.update({number: 0 for number in uidls if number not in self._sizes})
        numbers = sorted(self._sizes)
        counts = Counter(uidls.values())
        own = {n: uidls[n] for n in numbers if uidls.get(n) and counts[uidls[n]] == 1}
        nameless = [identity.Listed(n, self._sizes[n]) for n in numbers if n not in own]
        keys = self._memory.anonymous.keys(nameless, self, time.monotonic()) if nameless else []
        own.update({mail.number: key for mail, key in zip(nameless, keys, strict=True)})
        return {own[number]: number for number in numbers}

    def _uidls(self) -> dict[int, str]:
        """The UIDLs as keys, empty where they are blank."""
        memory = self._memory
        try:
            told_ = self._connection.numbered("UIDL")
        except error_proto:
            if memory.had_uidl or "UIDL" in (self._capabilities or {}):
                # It can, only not now: by other keys all mail would seem to be new.
                raise
            return {}
        memory.had_uidl = True
        return {number: _uidl_key(text) for number, text in told_.items()}

    def keys(self) -> list[Key]:
        """In the order of the message numbers."""
        return [key for _, key in sorted((number, key) for key, number in self._numbers.items())]

    def windows(self) -> Iterator[wire.Window]:
        """UIDLs do not sort by time."""
        return textkeys.windows(self._numbers)

    def first_key(self) -> Key | None:
        """See left_out."""
        return None

    def left_out(self, known: Callable[[], set[Key]]) -> frozenset[Key]:
        """The mails before the first one that is asked for, or the first one that is known."""
        begin = self._first_number()
        if begin is None:
            return frozenset()
        begin = min([begin, *(self._numbers[str(k)] for k in known() if k in self._numbers)])
        return frozenset(key for key, number in self._numbers.items() if number < begin)

    def _first_number(self) -> int | None:
        numbers = sorted(self._numbers.values())
        if count := first.newest(self._first):
            return numbers[-count] if count < len(numbers) else None
        day = first.since(self._first)
        if day is None:
            return None
        if not self.has_top:
            raise SourceError("the server has no TOP, so first = since DATE cannot be found out")
        begin, older = (numbers[-1] + 1 if numbers else 1), 0
        for number in reversed(numbers):
            arrived = dates.arrived(self.top(number) or b"")
            older = older + 1 if arrived and arrived < day else 0
            if not older:
                begin = number
            if older == OLDER_IN_A_ROW:
                break
        return begin

    # --- what the server tells of mails

    def sizes(self, keys: Sequence[Key]) -> dict[Key, int]:
        """What LIST told."""
        sizes = {key: self._size(key) for key in keys}
        return {key: size for key, size in sizes.items() if size}

    def heads(self, keys: Sequence[Key]) -> dict[Key, Head]:
        """What LIST told, and TOP."""
        there = [key for key in keys if str(key) in self._numbers]
        return {key: Head(self._size(key) or None, self.headers(key)) for key in there}

    def digests(self, keys: Sequence[Key]) -> list[wire.Digest]:
        """Size and hash of the header block."""
        return [
            wire.Digest(key=key, size=self._size(key), header_sha256=header_sha256(head))
            for key in keys
            if self._size(key) and (head := self.headers(key))
        ]

    def samples(self, keys: Sequence[Key]) -> list[wire.Sample]:
        """Size and Message-ID."""
        return [
            wire.Sample(key=key, size=self._size(key), message_id=_message_id(head))
            for key in keys
            if (head := self.headers(key))
        ]

    def headers(self, key: Key) -> bytes | None:
        """The header block of a mail, without its body; None when the server cannot."""
        number = self._numbers.get(str(key))
        return None if number is None else self.top(number)

    def top(self, number: int) -> bytes | None:
        """The header block; None when the server does not give it."""
        if not self.has_top:
            return None
        try:
            return header_block(self._watched(f"TOP {number} 0", number, MAX_HEAD))
        except SourceError:
            # Where the server did not say that it can: it cannot.
            self.has_top = self._capabilities is not None
            return None

    def hashed(self, number: int) -> str | None:
        """The SHA-256 of a whole mail, which is not kept."""
        if not self._reads_all:
            # Not in the midst of it: what was read would have been read in vain.
            self._memory.quota.require()
            self._reads_all = True
        digest = sha256()
        try:
            with self._memory.doubts.watch([self._mark(number)]), told(f"reading mail {number}"):
                for line in self._connection.mail(f"RETR {number}"):
                    digest.update(line)
                    self._memory.quota.spend(len(line))
        except SourceError:
            return None
        return digest.hexdigest()

    def _watched(self, command: str, number: int, most: int) -> bytes:
        with self._memory.doubts.watch([self._mark(number)]):
            return self._whole(command, most)

    def _mark(self, number: int) -> str:
        return f"{number}:{self._sizes.get(number, 0)}"

    def _size(self, key: Key) -> int:
        return self._sizes.get(self._numbers.get(str(key), 0), 0)

    # --- the mails

    def fetch(self, keys: Sequence[Key]) -> Iterator[Fetched]:
        """One RETR each; what broke a connection before comes last."""
        strikes = self._memory.strikes
        large = strikes.large.intersection(keys)
        yield from (Fetched(key, outcome="large") for key in large)
        for group in strikes.parted([key for key in keys if key not in large]):
            for key in group:
                yield self._fetch(key)

    def _fetch(self, key: Key) -> Fetched:
        number = self._numbers.get(str(key))
        if number is None:
            return Fetched(key, outcome="gone")
        try:
            with self._memory.strikes.watch([key]):
                body = self._whole(f"RETR {number}", MAX_BODY)
        except SourceError as e:
            return Fetched(key, outcome="refused", reason=str(e))
        if not body:
            return Fetched(key, outcome="refused", reason="the server lists it, gives nothing")
        if not identity.agrees(str(key), body, self._size(key)):
            # The listing was believed to be the one from before, wrongly.
            self._memory.anonymous.forget()
            return Fetched(key, outcome="gone")
        return Fetched(key, body)

    def _whole(self, command: str, most: int) -> bytes:
        body = bytearray()
        with told(command), closing(self._connection.mail(command)) as lines:
            for line in lines:
                body += line
                if len(body) > most:
                    raise LargerError(f"{command}: the server sends over {most:,} bytes", 0.0)
        return bytes(body)

    def stream(self, key: Key, piece: int) -> Iterator[bytes]:
        """The mail as it comes; whoever leaves it in the middle ends the session."""
        number = self._numbers.get(str(key))
        if number is None:
            return
        body = bytearray()
        with self._memory.strikes.watch([key]), told(f"RETR {number}"):
            for line in self._connection.mail(f"RETR {number}"):
                body += line
                while len(body) >= piece:
                    yield bytes(body[:piece])
                    del body[:piece]
        if body:
            yield bytes(body)


def _uidl_key(text: bytes) -> str:
    uidl = text.decode("utf-8", "surrogateescape")
    if not uidl:
        return ""
    # Nobody else's keys may look like ours.
    return textkeys.fit(f"uidl:{uidl}" if uidl.startswith((*identity.OWN, "uidl:")) else uidl)


def _message_id(head: bytes) -> str:
    found = _MESSAGE_ID.search(head)
    return b" ".join(found[1].split()).decode("utf-8", "replace") if found else ""
