"""What the mailbox tools ask the API: what is stored of a mailbox, and what is deleted there."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

import msgspec

from .api_client import ApiClient, mailbox_path
from .wire import Key

PAGE = 500


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A place of a mailbox, and the mail in it."""

    id: int
    folder: str
    uidvalidity: int
    key: Key
    version: int
    state: str
    verified: bool
    #: As the server told when it came; 0: it did not.
    server_size: int
    mail: int | None
    sha256: str
    size: int
    has_raw: bool
    header_sha256: str
    message_id: str
    #: When we deleted it there; "" when we did not.
    deleted_at_source: str


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """An intention to delete a mail at its source, and what became of it."""

    id: int
    place: int
    folder: str
    uidvalidity: int
    key: Key
    state: str
    sha256: str
    reason: str = ""


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    """How a mailbox stands."""

    name: str
    created: str
    last_receipt: dict[str, object] | None = None


class _Places(msgspec.Struct, frozen=True):
    items: list[Stored]
    next_cursor: str | None = None


class _Deletions(msgspec.Struct, frozen=True):
    items: list[Deletion]
    next_cursor: str | None = None


class Archive(ApiClient):
    """The API as the mailbox tools see it; errors as for every client of it."""

    def mailbox(self, name: str) -> Mailbox:
        """RefusedError when nothing was ever stored of it."""
        return self._typed(Mailbox, mailbox_path(name), None)

    def places(self, mailbox: str, folder: str, uidvalidity: int) -> Iterator[Stored]:
        """What is known of a folder under its present numbering, by key."""
        asked = {"folder": folder, "uidvalidity": str(uidvalidity)}
        cursor: str | None = ""
        while cursor is not None:
            answer = self._typed(_Places, self._list(mailbox, "places", asked, cursor), None)
            yield from answer.items
            cursor = answer.next_cursor

    def intentions(self, mailbox: str) -> list[Deletion]:
        """Deletions of which nobody knows yet what became of them."""
        found: list[Deletion] = []
        cursor: str | None = ""
        while cursor is not None:
            path = self._list(mailbox, "deletions", {"state": "intended"}, cursor)
            answer = self._typed(_Deletions, path, None)
            found += answer.items
            cursor = answer.next_cursor
        return found

    def _list(self, mailbox: str, what: str, asked: dict[str, str], cursor: str) -> str:
        more = {"limit": str(PAGE), **({"cursor": cursor} if cursor else {})}
        return f"{mailbox_path(mailbox)}/{what}?{urlencode({**asked, **more})}"

    def raw(self, mail: int) -> Iterator[bytes]:
        """A stored mail's bytes in pieces."""
        return self.stream(f"/v1/mails/{mail}/raw")

    def intend(
        self, mailbox: str, fingerprint: str, items: Sequence[tuple[int, str, str]]
    ) -> list[Deletion]:
        """Note that these are about to be deleted: place, SHA-256 as read back, proof."""
        named = [{"place": p, "sha256": sha, "proof": proof} for p, sha, proof in items]
        fields = {"fingerprint": fingerprint, "items": named}
        return self._typed(_Deletions, f"{mailbox_path(mailbox)}/deletions", fields).items

    def settle(self, mailbox: str, ids: Sequence[int], state: str, reason: str = "") -> None:
        """Tell what became of intentions."""
        for start in range(0, len(ids), PAGE):
            items = [
                {"id": id_, "state": state, "reason": reason[:1_000]}
                for id_ in ids[start : start + PAGE]
            ]
            path = f"{mailbox_path(mailbox)}/deletions/settle"
            self._typed(_Deletions, path, {"items": items})
