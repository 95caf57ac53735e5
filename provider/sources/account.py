"""What accounts on mail servers have in common, whatever the protocol."""

import ssl

from postroom.errors import (
    CredentialError,
    PostroomError,
    SettingsError,
    SourceError,
    TemporaryError,
)

#: Whoever connects again backs off by himself.
SOON = 0.0


def require(server: str, user: str, password: str) -> None:
    """Raise SettingsError for what nobody told."""
    if not server:
        raise SettingsError("no server: set server = in its section, or imap_server")
    if not user or not password:
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
    return TemporaryError(f"{what}: {str(error) or 'no answer in time'}", SOON)


def senseless(what: str, error: Exception) -> TemporaryError:
    """What no server should say: the connection is of no more use."""
    return TemporaryError(f"{what}: the server's answer makes no sense: {error}", SOON)
