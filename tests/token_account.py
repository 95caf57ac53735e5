"""A mailbox that is read by access tokens: their endpoint, its section, its credentials."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from postroom.credentials import Credentials
from provider.sources.imap.options import ImapOptions
from tests.servers.dovecot_oauth2 import OAuth2Dovecot, token
from tests.servers.token_endpoint import TokenEndpoint

LONG = 600.0


@contextmanager
def listening() -> Iterator[TokenEndpoint]:
    """An endpoint whose access tokens Dovecot takes."""
    endpoint = TokenEndpoint(lambda user: token(user, LONG))
    try:
        yield endpoint
    finally:
        endpoint.close()


def options(
    endpoint: TokenEndpoint, server: OAuth2Dovecot | None = None, **more: Any
) -> ImapOptions:
    port = server.ports.imap if server else 1
    told = {"server": "127.0.0.1", "port": port, "tls": "none", **endpoint.options(**more)}
    return ImapOptions(**told)


def credentials(folder: Path, refresh_token: str | None, user: str = "work") -> Credentials:
    file = folder / "tokens" / f"{user}.json"
    return Credentials(user, refresh_token=refresh_token, token_file=file, name=user)
