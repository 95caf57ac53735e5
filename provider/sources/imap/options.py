"""What a [mailbox NAME] section says of an IMAP account."""

from postroom.settings import Seconds

from .. import first
from ..account import AccountOptions


class ImapOptions(AccountOptions, frozen=True):
    """The keys of the section; user name and password are credentials."""

    #: Names, or patterns with * and %; new mail in the first one is told at once (IDLE).
    folders: tuple[str, ...] = ("INBOX",)
    #: all, newest N or since YYYY-MM-DD: how far back the very first pass goes.
    first: str = "all"
    poll_seconds: Seconds = 10.0
    timeout_seconds: Seconds = 60.0

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot work."""
        super().__post_init__()
        if not self.folders:
            raise ValueError("folders: expected at least one name or pattern")
        first.check(self.first)
