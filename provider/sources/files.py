"""A folder whose mails are files of their own; Maildir and .eml share it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from postroom import wire
from postroom.errors import SourceError
from postroom.headers import header_block, header_sha256
from postroom.wire import Key

from . import Fetched, Head, textkeys

_HEADER_BYTES = 1024 * 1024
INBOX = "INBOX"

#: Keys and files, as they are now.
Listing = Callable[[], Iterable[tuple[str, Path]]]


class FilesFolder:
    """Files as they are, byte for byte."""

    uidvalidity = 0

    def __init__(self, name: str, listing: Listing, seen: int) -> None:
        """`seen` stands for UIDNEXT: it differs when mail has come."""
        self.name = name
        self._listing = listing
        self._files = dict(listing())
        self.status = wire.Status(uidnext=seen, exists=len(self._files))

    def keys(self) -> list[Key]:
        """By name: what is delivered later has a higher one."""
        return sorted(self._files)

    def windows(self) -> Iterator[wire.Window]:
        """The highest names first."""
        return textkeys.windows(self._files)

    def first_key(self) -> Key | None:
        """All is brought."""
        return None

    def sizes(self, keys: Sequence[Key]) -> dict[Key, int]:
        """As the file system tells."""
        sizes: dict[Key, int] = {}
        for key in keys:
            try:
                sizes[key] = self._find(key).stat().st_size
            except OSError:
                continue
        return sizes

    def heads(self, keys: Sequence[Key]) -> dict[Key, Head]:
        """Size and header block."""
        found: dict[Key, Head] = {}
        for key, size in self.sizes(keys).items():
            with suppress(OSError):
                # It may have gone since; then it is missing from the answer.
                found[key] = Head(size, self._header(key))
        return found

    def digests(self, keys: Sequence[Key]) -> list[wire.Digest]:
        """Size and hash of the header block."""
        sizes = self.sizes(keys)
        return [
            wire.Digest(key=key, size=size, header_sha256=header_sha256(self._header(key)))
            for key, size in sizes.items()
        ]

    def samples(self, keys: Sequence[Key]) -> list[wire.Sample]:
        """Names are never given twice: there is nothing to compare."""
        return []

    def fetch(self, keys: Sequence[Key]) -> Iterator[Fetched]:
        """The files as they are."""
        for key in keys:
            try:
                yield Fetched(key, self._find(key).read_bytes())
            except FileNotFoundError:
                yield Fetched(key, outcome="gone")
            except OSError as e:
                yield Fetched(key, outcome="refused", reason=str(e))

    def stream(self, key: Key, piece: int) -> Iterator[bytes]:
        """The file in pieces."""
        try:
            with self._find(key).open("rb") as file:
                while data := file.read(piece):
                    yield data
        except FileNotFoundError:
            return
        except OSError as e:
            raise SourceError(str(e)) from e

    def _header(self, key: Key) -> bytes:
        with self._find(key).open("rb") as file:
            return header_block(file.read(_HEADER_BYTES))

    def _find(self, key: Key) -> Path:
        path = self._files.get(str(key))
        if path is None or not path.exists():
            # Another program moved it.
            self._files = dict(self._listing())
            path = self._files.get(str(key))
        if path is None:
            raise FileNotFoundError(f"{self.name}: no mail {key}")
        return path
