"""Deleting mails of an IMAP folder, and nobody else's with them."""

from collections.abc import Sequence
from hashlib import sha256

from postroom.errors import SourceError
from postroom.wire import Key

from .. import Head
from .client import Client
from .errors import told
from .folder import PORTION, ImapFolder, uid_set

_PIECE = 1024 * 1024
_MARK = "FLAGS.SILENT (\\Deleted)"


def require_uidplus(client: Client, title: str) -> None:
    """Raise SourceError where the server can only expunge all that anybody has marked."""
    if not client.has_capability("UIDPLUS"):
        raise SourceError(
            f"{title}: the server has no UIDPLUS (RFC 4315): its EXPUNGE would delete what other "
            "programs have marked as well, so nothing is deleted"
        )


class ImapRemoval(ImapFolder):
    """Opened by SELECT; bodies are read by PEEK all the same."""

    readonly = False
    _marked: tuple[Key, ...] = ()

    def heads(self, keys: Sequence[Key]) -> dict[Key, Head]:
        """Without UIDVALIDITY a UID may be another mail's since."""
        found = super().heads(keys)
        return found if self.uidvalidity else {key: Head(None, None) for key in found}

    def whole(self, key: Key) -> str:
        """Hash the mail piece by piece."""
        digest, length = sha256(), 0
        for piece in self.stream(key, _PIECE):
            digest.update(piece)
            length += len(piece)
        return digest.hexdigest() if length else ""

    def delete(self, keys: Sequence[Key]) -> None:
        """Set the flag that says deleted."""
        self._marked = (*self._marked, *keys)
        self._store(f"+{_MARK}", keys)

    def commit(self) -> set[Key]:
        """UID EXPUNGE, and see whether they have gone."""
        keys = self._marked
        with told(f"deleting from {self.name}"):
            for part in _portions(keys):
                self._client.uid_expunge_only(part)
        with told(f"listing {self.name}"):
            left = {u for part in _portions(keys) for u in self._client.uid_search(f"UID {part}")}
        self._marked = tuple(key for key in keys if key in left)
        return set(keys) - left

    def undo(self) -> None:
        """Take back the marks of what was not deleted."""
        keys, self._marked = self._marked, ()
        if keys:
            self._store(f"-{_MARK}", keys)

    def _store(self, change: str, keys: Sequence[Key]) -> None:
        with told(f"deleting from {self.name}"):
            for part in _portions(keys):
                self._client.uid_store(part, change)


def _portions(keys: Sequence[Key]) -> list[str]:
    return [uid_set(keys[start : start + PORTION]) for start in range(0, len(keys), PORTION)]
