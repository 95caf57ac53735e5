"""A mailbox's refresh token on disk: endpoints give new ones in the middle of a run."""

import hashlib
from pathlib import Path

import msgspec

from postroom.credentials import read_private
from postroom.errors import CredentialError
from postroom.storage.durable import make_folder, replace_file


class _Kept(msgspec.Struct, frozen=True):
    #: Whose it is, and who gave it.
    account: str
    #: The SHA-256 of the token that the operator had given when this one was written.
    given: str
    refresh_token: str


class TokenFile:
    """One file of mode 0600; what the operator gives later counts more than what it holds."""

    def __init__(self, path: Path, account: str, given: str) -> None:
        self.path = path
        self._account = account
        self._given = given

    def read(self) -> str:
        """The refresh token that counts; "" without one. CredentialError for a bad file."""
        if not self.path.exists():
            return self._given
        try:
            kept = msgspec.json.decode(read_private(self.path), type=_Kept)
        except msgspec.MsgspecError:
            raise CredentialError(f"{self.path}: not a file of Postroom's: remove it") from None
        if kept.account != self._account or kept.given != _digest(self._given):
            return self._given
        return kept.refresh_token

    def write(self, refresh_token: str) -> None:
        """Replace the token, durable on return; CredentialError where that fails."""
        kept = _Kept(self._account, _digest(self._given), refresh_token)
        try:
            make_folder(self.path.parent)
            replace_file(self.path, msgspec.json.encode(kept) + b"\n")
        except OSError as e:
            raise CredentialError(f"{self.path}: cannot be written: {e.strerror}") from e


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest() if token else ""
