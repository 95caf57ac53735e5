"""The seam between a mailbox, whatever its protocol, and the loop that brings its mail."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from postroom import registry, wire
from postroom.credentials import Credentials
from postroom.wire import Key

from ..quota import Quota

SOURCES = {
    "imap": "provider.sources.imap:ImapSource",
    "pop3": "provider.sources.pop3:Pop3Source",
    "maildir": "provider.sources.maildir:MaildirSource",
    "mbox": "provider.sources.mbox:MboxSource",
    "eml": "provider.sources.eml:EmlSource",
}
#: Keys of a window: what one answer can want.
WINDOW_KEYS = wire.MAX_WANTED


class Fetched(NamedTuple):
    """One mail, or why there is none."""

    key: Key
    body: bytes = b""
    #: large: it fits into no batch and has to be streamed.
    outcome: Literal["", "refused", "gone", "large"] = ""
    reason: str = ""


class Head(NamedTuple):
    """A mail without its body."""

    #: Bytes as the server tells; None: it does not.
    size: int | None
    #: The header block; None when the server gives none without the body.
    block: bytes | None


class Folder(Protocol):
    """An open folder; keys that the server does not know are missing from the answers."""

    name: str
    #: 0 where the server gives none: then all hangs on the samples.
    uidvalidity: int
    status: wire.Status

    def keys(self) -> list[Key]:
        """All that is listed, the oldest first."""

    def windows(self) -> Iterator[wire.Window]:
        """The listing in closed windows of at most WINDOW_KEYS keys.

        Newest first, one touching the next, so that no key of the folder lies between them.
        """

    def first_key(self) -> Key | None:
        """The lowest key that the very first pass should bring; None: all."""

    def sizes(self, keys: Sequence[Key]) -> dict[Key, int]:
        """Bytes as the server tells; it may be wrong."""

    def heads(self, keys: Sequence[Key]) -> dict[Key, Head]:
        """Sizes and header blocks; a mail that has gone is missing."""

    def digests(self, keys: Sequence[Key]) -> list[wire.Digest]:
        """What identifies the mails without their bodies."""

    def samples(self, keys: Sequence[Key]) -> list[wire.Sample]:
        """Size and Message-ID of a few keys."""

    def fetch(self, keys: Sequence[Key]) -> Iterable[Fetched]:
        """One answer per key, in any order; for mails that fit into memory together."""

    def stream(self, key: Key, piece: int) -> Iterator[bytes]:
        """A large mail in pieces of at most `piece` bytes; nothing at all if it has gone.

        Raises SourceError when the server does not give this mail.
        """


@runtime_checkable
class Unsorted(Protocol):
    """A folder whose keys do not sort by time, and which can leave out old mail all the same."""

    def left_out(self, known: Callable[[], set[Key]]) -> frozenset[Key]:
        """The listed keys that the very first pass should not bring; `known` asks the store."""


class Removal(Folder, Protocol):
    """A folder that is open for deleting; until `commit` nothing may be gone for good.

    Its heads have no header block where headers do not tell which mail it is: all of it is read.
    """

    def whole(self, key: Key) -> str:
        """Hex SHA-256 of a mail's bytes, all of them read; "" when the server does not give it."""

    def delete(self, keys: Sequence[Key]) -> None:
        """Mark these, and no others."""

    def commit(self) -> set[Key]:
        """Delete what was marked; those of them that are gone for certain."""


@runtime_checkable
class Deleting(Protocol):
    """A source whose mails can be deleted, one by one and nobody else's with them."""

    def removing(self, name: str) -> AbstractContextManager[Removal]:
        """Open a folder for deleting; left without `commit`, nothing is deleted.

        Raises SourceError where the server cannot delete safely.
        """


class Limits(NamedTuple):
    """What an account may be used for; 0: no limit."""

    day_bytes: int = 0
    connections: int = 0


@runtime_checkable
class Limited(Protocol):
    """A source whose account has limits."""

    limits: Limits


@runtime_checkable
class Metered(Protocol):
    """A source that downloads mails by itself, only to know which they are."""

    def meter(self, quota: Quota) -> None:
        """It has to count them there."""


class Source(Protocol):
    """One account. Methods raise TemporaryError (connect again) or SourceError (tell somebody)."""

    Options: ClassVar[type[Any]]
    kind: str
    #: Protocol, server and user: by it the master knows another account under an old name.
    fingerprint: str
    #: For people: "imap at HOST for USER".
    title: str

    def __init__(
        self, options: Any, credentials: Credentials, path_of: Callable[[str], Path]
    ) -> None: ...

    def connect(self) -> None:
        """Connect and log in; an old connection is dropped."""

    def folders(self) -> list[str]:
        """The folders to read, the watched one first."""

    def open(self, name: str) -> Folder:
        """Open a folder so that nothing in it is marked or changed; any other is closed."""

    def poll_seconds(self) -> float:
        """Seconds between two looks at the folders, news or not."""

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait until the watched folder has news (True), the time is over or `stop` is set."""

    def close(self) -> None:
        """Let go of the connection, whatever state it is in."""


def load(name: str) -> type[Source]:
    """The source class of that name; SettingsError if there is none."""
    kind: type[Source] = registry.load(SOURCES, name, "source")
    return kind
