"""What accounts on mail servers have in common, whatever the protocol."""

import ssl
from typing import Annotated, Literal

from msgspec import Meta

from postroom.errors import (
    CredentialError,
    PostroomError,
    SettingsError,
    SourceError,
    TemporaryError,
)
from postroom.settings import Port
from provider.auth import AuthOptions
from provider.quota import MEGABYTE
from provider.sources import Limits

#: Whoever connects again backs off by himself.
SOON = 0.0
_OLD = "the server has no TLS 1.2 or newer, and nothing older is safe: it has to be updated"
_PLAIN = "what answers at this port is no TLS: see whether tls = and port = belong together"
#: What OpenSSL calls a server that nobody can talk to in safety.
_NO_TLS = {
    "UNSUPPORTED_PROTOCOL": _OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD,
    "WRONG_VERSION_NUMBER": _PLAIN,
    "RECORD_LAYER_FAILURE": _PLAIN,
}


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
    if isinstance(error, ssl.SSLCertVerificationError):
        return SourceError(
            f"{what}: the server's certificate is not trusted ({error.verify_message}): "
            "set ca_file if it is your own CA, or mend server = to the name it is made for"
        )
    if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
        return SourceError(f"{what}: {_NO_TLS[error.reason]}")
    return TemporaryError(f"{what}: {str(error) or 'no answer in time'}", SOON)


def senseless(what: str, error: Exception) -> TemporaryError:
    """What no server should say: the connection is of no more use."""
    return TemporaryError(f"{what}: the server's answer makes no sense: {error}", SOON)
