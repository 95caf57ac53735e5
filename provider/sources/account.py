"""What accounts on mail servers have in common, whatever the protocol."""

from typing import Annotated, Literal

from msgspec import Meta

from postroom import tls
from postroom.errors import (
    CredentialError,
    PostroomError,
    SettingsError,
    SourceError,
    TemporaryError,
)
from postroom.settings import Port

from ..auth import AuthOptions
from ..quota import MEGABYTE
from . import Limits

#: Whoever connects again backs off by himself.
SOON = 0.0


class AccountOptions(AuthOptions, frozen=True):
    """The keys of a login, of where, and of what the account may be used for; 0 is no limit."""

    #: Here or with the credentials; here wins.
    server: str = ""
    port: Port | None = None
    #: starttls is STLS in POP3; none sends the password in the clear.
    tls: Literal["ssl", "starttls", "none"] = "ssl"
    ca_file: str = ""
    #: Downloaded on one day (UTC), by all mailboxes of the account together.
    day_megabytes: Annotated[int, Meta(ge=0)] = 0
    #: At the same time, by all mailboxes of the account together.
    connections: Annotated[int, Meta(ge=0)] = 0

    @property
    def limits(self) -> Limits:
        """The same, as the loop wants to know it."""
        return Limits(self.day_megabytes * MEGABYTE, self.connections)


def require(server: str, user: str, password: str, *, by_token: bool = False) -> None:
    """Raise SettingsError for what nobody told; a login `by_token` needs no password."""
    if not server:
        raise SettingsError("no server: set server = in its section, or imap_server")
    if not user or not (password or by_token):
        raise CredentialError(
            "no user name or no password: write them into imap_credentials.py, "
            "as imap_credentials.example.py shows"
        )


def broken(what: str, error: OSError | EOFError) -> PostroomError:
    """What a socket's error means for the one who was doing `what`."""
    if wrong := tls.fault(error):
        return SourceError(f"{what}: {wrong}")
    return TemporaryError(f"{what}: {str(error) or 'no answer in time'}", SOON)


def senseless(what: str, error: Exception) -> TemporaryError:
    """What no server should say: the connection is of no more use."""
    return TemporaryError(f"{what}: the server's answer makes no sense: {error}", SOON)
