"""An open folder of an IMAP account: its listing and its mails."""

from collections.abc import Iterator, Sequence

from postroom import wire
from postroom.errors import SourceError
from postroom.headers import header_sha256
from postroom.wire import Key

from .. import Fetched, Head, first
from ..strikes import GivenUpError, Strikes
from . import listing
from .answers import Answer, sequence_set
from .client import Client
from .errors import told
from .options import ImapOptions

#: UIDs of ten digits that make a command line of 8,192 bytes at most.
PORTION = 700
HEADERS = 300


class ImapFolder:
    """EXAMINE and BODY.PEEK only: nothing is marked as read."""

    #: Whether it is opened by EXAMINE.
    readonly = True

    def __init__(
        self, client: Client, name: str, options: ImapOptions, strikes: Strikes, doubts: Strikes
    ) -> None:
        self._client = client
        self._options = options
        self._strikes = strikes
        self._doubts = doubts
        self.name = name
        with told(f"opening the folder {name}"):
            answer = client.select_folder(name, readonly=self.readonly)
        self.uidvalidity: int = answer.get(b"UIDVALIDITY") or 0
        self.status = wire.Status(
            uidnext=answer.get(b"UIDNEXT") or None,
            exists=answer.get(b"EXISTS"),
            modseq=answer.get(b"HIGHESTMODSEQ"),
        )

    def keys(self) -> list[Key]:
        """UIDs rise with time."""
        with told(f"listing {self.name}"):
            return list(reversed(list(listing.newest_first(self._client, self.status.exists))))

    def windows(self) -> Iterator[wire.Window]:
        """The listing, newest first."""
        with told(f"listing {self.name}"):
            uids = listing.newest_first(self._client, self.status.exists)
            yield from listing.windows(uids, (self.status.uidnext or 1) - 1)

    def first_key(self) -> Key | None:
        """The lowest UID that `first` asks for."""
        exists = self.status.exists
        with told(f"listing {self.name}"):
            if count := first.newest(self._options.first):
                return listing.nth_newest(self._client, exists, count)
            if day := first.since(self._options.first):
                found = listing.first_since(self._client, exists, day)
                # All are older: it begins with the next one to come.
                return found or self.status.uidnext or listing.highest(self._client, exists) + 1
        return None

    def sizes(self, keys: Sequence[Key]) -> dict[Key, int]:
        """RFC822.SIZE, where the server can tell it."""
        return {a.uid: a.size for a in self._tell(keys, "RFC822.SIZE") if a.size is not None}

    def heads(self, keys: Sequence[Key]) -> dict[Key, Head]:
        """RFC822.SIZE and the header block."""
        answers = self._tell(keys, "RFC822.SIZE BODY.PEEK[HEADER]", HEADERS)
        return {a.uid: Head(a.size, a.body) for a in answers if a.body is not None}

    def digests(self, keys: Sequence[Key]) -> list[wire.Digest]:
        """Size and hash of the header block."""
        return [
            wire.Digest(key=a.uid, size=a.size, header_sha256=header_sha256(a.body))
            for a in self._tell(keys, "RFC822.SIZE BODY.PEEK[HEADER]", HEADERS)
            if a.body and a.size is not None
        ]

    def samples(self, keys: Sequence[Key]) -> list[wire.Sample]:
        """Size and Message-ID."""
        items = "RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"
        return [
            wire.Sample(key=a.uid, size=a.size or 0, message_id=_value(a.body))
            for a in self._tell(keys, items, HEADERS)
            if a.body is not None
        ]

    def fetch(self, keys: Sequence[Key]) -> Iterator[Fetched]:
        """Bodies; what broke a connection before is fetched alone, so that it harms no other."""
        large = self._strikes.large.intersection(keys)
        yield from (Fetched(key, outcome="large") for key in large)
        for group in self._strikes.parted([key for key in keys if key not in large]):
            yield from self._fetch(group)

    def stream(self, key: Key, piece: int) -> Iterator[bytes]:
        """Pieces until there is no more: neither RFC822.SIZE nor a short piece is an end."""
        start, last = 0, b""
        while True:
            try:
                last = self._piece(key, start, piece)
            except SourceError:
                # Some servers refuse to read behind the end, where RFC 3501 has them say "".
                if not 0 < len(last) < piece:
                    raise
                last = b""
            if not last:
                if not start:
                    self._strikes.large.discard(key)
                # Not before: pieces that come do not speak for one that never does.
                self._strikes.settle([key])
                return
            yield last
            start += len(last)

    def _piece(self, key: Key, start: int, length: int) -> bytes:
        with self._strikes.watch([key], whole=False):
            answers = self._ask([key], f"BODY.PEEK[]<{start}.{length}>")
        return next((a.body for a in answers if a.body), b"")

    def _fetch(self, keys: Sequence[Key]) -> Iterator[Fetched]:
        try:
            bodies = self._bodies(keys)
        except SourceError as e:
            if len(keys) == 1:
                yield Fetched(keys[0], outcome="refused", reason=str(e))
                return
            # One mail that the server cannot give must not hold up the others.
            for key in keys:
                yield from self._fetch([key])
            return
        for key, body in bodies.items():
            yield Fetched(key, body)
        if len(bodies) < len(keys):
            yield from self._fetch_again([key for key in keys if key not in bodies])

    def _fetch_again(self, keys: Sequence[Key]) -> Iterator[Fetched]:
        """Nothing was given: the mail has gone, or the server hides it this once, or always."""
        with told(f"listing {self.name}"):
            found = set(self._client.uid_search(f"UID {uid_set(keys)}"))
        for key in keys:
            yield self._fetch_alone(key) if key in found else Fetched(key, outcome="gone")

    def _fetch_alone(self, key: Key) -> Fetched:
        try:
            bodies = self._bodies([key])
        except SourceError as e:
            return Fetched(key, outcome="refused", reason=str(e))
        if key in bodies:
            return Fetched(key, bodies[key])
        return Fetched(key, outcome="refused", reason="the server lists it, gives nothing")

    def _tell(self, keys: Sequence[Key], items: str, portion: int = PORTION) -> list[Answer]:
        """FETCH items of the mails that the server can tell them of."""
        answers: list[Answer] = []
        for group in self._doubts.parted(keys):
            for start in range(0, len(group), portion):
                answers += self._tell_portion(group[start : start + portion], items)
        return answers

    def _tell_portion(self, keys: Sequence[Key], items: str) -> list[Answer]:
        try:
            with self._doubts.watch(keys):
                return self._ask(keys, items)
        except SourceError as e:
            if len(keys) == 1:
                if isinstance(e, GivenUpError):
                    self._strikes.suspect(keys[0])
                return []
        # One mail that the server cannot tell of must not hold up the others.
        middle = len(keys) // 2
        return [
            *self._tell_portion(keys[:middle], items),
            *self._tell_portion(keys[middle:], items),
        ]

    def _bodies(self, keys: Sequence[Key]) -> dict[Key, bytes]:
        with self._strikes.watch(keys):
            return {a.uid: a.body for a in self._ask(keys, "BODY.PEEK[]") if a.body}

    def _ask(self, keys: Sequence[Key], items: str) -> list[Answer]:
        """FETCH items; what is said of other mails than those is left out."""
        asked = set(keys)
        with told(f"fetching from {self.name}"):
            answers = self._client.uid_fetch(uid_set(keys), items)
        return [answer for answer in answers if answer.uid in asked]


def uid_set(keys: Sequence[Key]) -> str:
    """The keys as IMAP writes a set; SourceError for one that is no UID."""
    uids = [key for key in keys if isinstance(key, int)]
    if len(uids) < len(keys):
        raise SourceError(f"an IMAP mail is named by a number, not by {keys[0]!r}")
    return sequence_set(uids)


def _value(field: bytes | None) -> str:
    """The value of a header block of one field, unfolded."""
    _, _, value = (field or b"").partition(b":")
    return b" ".join(value.split()).decode("utf-8", "replace")
