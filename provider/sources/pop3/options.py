"""What a [mailbox NAME] section says of a POP3 account."""

from typing import Literal

from postroom.settings import Port, Seconds
from provider.sources import first
from provider.sources.account import AccountOptions


class Pop3Options(AccountOptions, frozen=True):
    """The keys of the section; user name and password are credentials."""

    #: Here or with the credentials; here wins.
    server: str = ""
    port: Port | None = None
    #: starttls is STLS; none sends the password in the clear.
    tls: Literal["ssl", "starttls", "none"] = "ssl"
    ca_file: str = ""
    #: all, newest N or since YYYY-MM-DD: how far back the very first pass goes.
    first: str = "all"
    #: Each look is a login, and other clients are locked out meanwhile.
    poll_seconds: Seconds = 300.0
    timeout_seconds: Seconds = 60.0

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot work."""
        super().__post_init__()
        first.check(self.first)
