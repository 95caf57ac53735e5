"""What a [mailbox NAME] section says of a POP3 account."""

from postroom.settings import Seconds

from .. import first
from ..account import AccountOptions


class Pop3Options(AccountOptions, frozen=True):
    """The keys of the section; user name and password are credentials."""

    #: all, newest N or since YYYY-MM-DD: how far back the very first pass goes.
    first: str = "all"
    #: Each look is a login, and other clients are locked out meanwhile.
    poll_seconds: Seconds = 300.0
    timeout_seconds: Seconds = 60.0

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot work."""
        super().__post_init__()
        first.check(self.first)
