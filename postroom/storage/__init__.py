"""Where bytes are kept by key: one contract, a registry of the stores that fulfil it."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, NamedTuple, Protocol, Self, runtime_checkable

from postroom import registry, settings
from postroom.errors import ObjectMissingError, PostroomError

STORAGES = {
    "sqlite": "postroom.storage.sqlite:SqliteStorage",
    "directory": "postroom.storage.directory:DirectoryStorage",
    "s3": "postroom.storage.s3:S3Storage",
}

#: A put of a held object renews its `touched` only when that is older: few writes, and collection
#: looks at days.
TOUCH_SECONDS = 3600
#: What an upload left behind is removed when a store is opened and it is older than this.
ABANDONED_SECONDS = 24 * 3600


class StorageBrokenError(PostroomError):
    """The disk or the store itself failed: end the process, nothing unacknowledged is lost."""


class ObjectDamagedError(ObjectMissingError):
    """The store holds other bytes than were put: delete the key, so that it can be put anew."""


class BadKeyError(PostroomError, ValueError):
    """No object can have such a key."""


class Entry(NamedTuple):
    """One object in a listing; `touched` is in seconds since 1970."""

    key: str
    size: int
    touched: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where the settings want a store to be."""

    path: Path
    #: A store without a path of its own keeps both in one place, and apart.
    keeps: Literal["mails", "files"] = "mails"
    #: The plug-in finds its own section [storage KIND] here.
    config: settings.Config = field(default_factory=settings.Config)

    def blaming(self) -> AbstractContextManager[None]:
        """Around the opening of a store that is at the path: what fails names the setting."""
        return self.config.blaming("storage", f"{self.keeps}_path")


class Writer(Protocol):
    """A large object on its way in; leaving without `commit` stores nothing."""

    def write(self, chunk: bytes | memoryview) -> None:
        """Append a chunk of any length."""

    def commit(self, key: str | None = None) -> int:
        """Make the object durable, return the batch; `key` is for where open_write got none."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...


class Storage(Protocol):
    """Objects by key, for threads and processes of one host (a remote store: of any).

    A key is a relative POSIX path (postroom.storage.keys). An object never changes: a put of a held
    key renews `touched` and drops the new bytes. All methods raise TemporaryError for what passes
    (locked, disk full), StorageBrokenError for what does not, BadKeyError for an impossible key.
    """

    #: Random, made once and kept with the store.
    id: str

    @classmethod
    def open(cls, place: Place) -> Self:
        """Open the store, making it when it is not there yet; SettingsError if that cannot be."""

    def batch(self) -> int:
        """The number of the last commit; it only falls when an older copy was restored.

        Always 0 for a store that counts none: only its listing tells what it lost.
        """

    def put_many(self, objects: Iterable[tuple[str, bytes | memoryview]]) -> int:
        """Keep all objects, durable on return; return a batch number to rely on."""

    def open_write(self, key: str | None = None, *, type: str = "", name: str = "") -> Writer:
        """Take a large object in pieces, in constant memory; the key may be given at commit.

        Its media type and the name to download it under are kept where a store can tell them.
        """

    def get(self, key: str) -> bytes:
        """The whole object; raises ObjectMissingError, ObjectDamagedError where damage shows."""

    def open_read(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """The object or a range of it as a stream, in constant memory; raises the same."""

    def size(self, key: str) -> int:
        """The object's length in bytes; raises ObjectMissingError."""

    def exists(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that are held."""

    def verify(self, key: str) -> bool:
        """Read it all: is it held, whole, and of the SHA-256 that its key names (if any)?"""

    def list(self, after: str = "") -> Iterator[Entry]:
        """All objects with keys above `after`, sorted by key, as a stream."""

    def delete(self, keys: Collection[str], *, untouched_since: float | None = None) -> int:
        """Forget the objects, return how many there were.

        With `untouched_since`, those touched at or after that time stay; this is decided under the
        write lock, so that collection never takes what a put has just relied on.
        """

    def url(self, key: str) -> str:
        """Where people find the object."""

    def close(self) -> None:
        """Let go of files and connections."""


@runtime_checkable
class Presigning(Protocol):
    """A storage that browsers can download from."""

    def presigned(self, key: str, name: str = "", type: str = "", seconds: int = 300) -> str:
        """An address that opens the object to whoever has it, for so long; nothing is asked."""


def open_storage(kind: str, path: Path, config: settings.Config | None = None) -> Storage:
    """Open the store at `path`, or where its own settings say, making it when it is not there."""
    place = Place(path, config=config or settings.Config())
    store: Storage = registry.load(STORAGES, kind, "storage").open(place)
    return store


def open_mails(config: settings.Config) -> Storage:
    """Open the store of raw mails; SettingsError, with the key, when it cannot be opened there."""
    options = config.section("storage", settings.Storage)
    return _open(options.mails, Place(config.path_of(options.mails_path), "mails", config))


def open_files(config: settings.Config) -> Storage:
    """Open the store of files and outputs; SettingsError as above."""
    options = config.section("storage", settings.Storage)
    return _open(options.files, Place(config.path_of(options.files_path), "files", config))


def _open(kind: str, place: Place) -> Storage:
    with place.config.blaming("storage", place.keeps):
        opened = registry.load(STORAGES, kind, "storage")
    store: Storage = opened.open(place)
    return store
