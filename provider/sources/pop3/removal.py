"""Deleting mails of a POP3 account, in the session that looked at them."""

from collections.abc import Callable, Sequence
from poplib import error_proto
from typing import Any

from postroom.errors import PostroomError
from postroom.wire import Key

from .. import Head
from . import identity
from .errors import told
from .folder import Pop3Folder


class Pop3Removal(Pop3Folder):
    """The maildrop is locked for others, so that its numbers hold until QUIT."""

    def __init__(self, *given: Any, listed: Callable[[], set[Key]]) -> None:
        """`listed` ends what there is of the session and lists in a new one."""
        super().__init__(*given)
        self._listed_anew = listed
        self._marked: list[Key] = []

    def heads(self, keys: Sequence[Key]) -> dict[Key, Head]:
        """Keys that were made of headers name every mail that has such headers."""
        own = [key for key in keys if str(key).startswith(identity.OWN)]
        found = super().heads([key for key in keys if key not in own])
        return {**found, **{key: Head(None, None) for key in own}}

    def whole(self, key: Key) -> str:
        """RETR, and hash what comes."""
        number = self._numbers.get(str(key))
        return "" if number is None else self.hashed(number) or ""

    def delete(self, keys: Sequence[Key]) -> None:
        """DELE: the server only marks them until QUIT (RFC 1939, section 6)."""
        for key in keys:
            with told(f"deleting {key}"):
                self._connection.dele(self._numbers[str(key)])
            self._marked.append(key)

    def commit(self) -> set[Key]:
        """QUIT; where its answer is lost or no yes, the next listing tells what became of it."""
        keys, self._marked = set(self._marked), []
        if not keys:
            return keys
        try:
            with told("ending the session"):
                self._connection.quit()
        except PostroomError:
            return keys - self._listed_anew()
        return keys

    def undo(self) -> None:
        """End the session so that no server deletes what was marked: RSET, and no QUIT."""
        if not self._marked:
            return
        self._marked = []
        try:
            self._connection.rset()
        except (error_proto, OSError, EOFError, ValueError):
            # Without QUIT the marks hold for nothing.
            self._connection.close()
