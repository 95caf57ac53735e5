"""What a [mailbox NAME] section says of an IMAP account."""

from datetime import date
from typing import Literal

from postroom import settings
from postroom.settings import Port, Seconds


class ImapOptions(settings.Options, frozen=True):
    """The keys of the section; user name and password are credentials."""

    #: Here or with the credentials; here wins.
    server: str = ""
    port: Port | None = None
    #: none sends the password in the clear.
    tls: Literal["ssl", "starttls", "none"] = "ssl"
    ca_file: str = ""
    #: Names, or patterns with * and %; new mail in the first one is told at once (IDLE).
    folders: tuple[str, ...] = ("INBOX",)
    #: all, newest N or since YYYY-MM-DD: how far back the very first pass goes.
    first: str = "all"
    poll_seconds: Seconds = 10.0
    timeout_seconds: Seconds = 60.0

    def __post_init__(self) -> None:
        """Raise ValueError for a `first` that says nothing."""
        if not self.folders:
            raise ValueError("folders: expected at least one name or pattern")
        _ = self.newest, self.since
        if self.first != "all" and self.newest is None and self.since is None:
            raise _first_error(self.first)

    @property
    def newest(self) -> int | None:
        """The N of `newest N`."""
        word, _, number = self.first.partition(" ")
        if word != "newest":
            return None
        if not number.strip().isdecimal() or not int(number):
            raise _first_error(self.first)
        return int(number)

    @property
    def since(self) -> date | None:
        """The DATE of `since DATE`."""
        word, _, day = self.first.partition(" ")
        if word != "since":
            return None
        try:
            return date.fromisoformat(day.strip())
        except ValueError:
            raise _first_error(self.first) from None


def _first_error(found: str) -> ValueError:
    return ValueError(f"first: found {found!r}, expected all, newest N or since YYYY-MM-DD")
