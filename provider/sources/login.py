"""Where an account on a mail server is, and how a source comes in, whatever the protocol."""

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from postroom import tls
from postroom.credentials import Credentials
from postroom.errors import PostroomError

from ..auth import tokens
from . import account
from .account import AccountOptions


class Connecting(Protocol):
    """What a protocol does of a login; each method raises a PostroomError."""

    def dial(self) -> None:
        """Connect and encrypt."""

    def log_in(self) -> None:
        """Log in with the password."""

    def bear(self, token: str) -> None:
        """Log in with an access token."""

    def close(self) -> None:
        """Let go of the connection, whatever state it is in."""


class Login:
    """Server, user and password or tokens of one account; raises SettingsError for what lacks."""

    def __init__(
        self,
        kind: str,
        options: AccountOptions,
        credentials: Credentials,
        path_of: Callable[[str], Path],
        ports: Mapping[str, int],
    ) -> None:
        self.server = options.server or credentials.server or ""
        self.port = options.port or credentials.port or ports[options.tls]
        self.user = credentials.username or ""
        self.password = credentials.password or ""
        self._tokens = tokens.of(options, credentials, kind)
        by_token = self._tokens is not None
        account.require(self.server, self.user, self.password, by_token=by_token)
        context = None
        if options.tls != "none":
            context = tls.context(path_of(options.ca_file) if options.ca_file else None)
        #: For a connection that is encrypted from its first byte, or after STARTTLS.
        self.implicit: ssl.SSLContext | None = context if options.tls == "ssl" else None
        self.starttls: ssl.SSLContext | None = context if options.tls == "starttls" else None
        self.fingerprint = f"{kind}:{self.server.lower()}:{self.user}"
        self.title = f"{kind} at {self.server} for {self.user}"

    def __str__(self) -> str:
        return f"logging in to {self.server} as {self.user}"

    def come_in(self, source: Connecting) -> None:
        """Connect and log in; an old connection is dropped, and one that fails is not kept."""
        source.close()
        try:
            if self._tokens is None:
                source.dial()
                source.log_in()
            else:
                self._tokens.log_in(lambda token: _bear(source, token))
        except PostroomError:
            source.close()
            raise


def _bear(source: Connecting, token: str) -> None:
    # The server may have closed a connection that it refused.
    source.close()
    source.dial()
    source.bear(token)
