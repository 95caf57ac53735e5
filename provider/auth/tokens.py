"""The access token of one account: refreshed when it ends, once when it is refused, never more."""

import logging
import shlex
import time
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from postroom import house
from postroom.credentials import Credentials
from postroom.errors import CredentialError, RefusedError, SourceError

from .keeping import TokenFile
from .options import AuthOptions

if TYPE_CHECKING:
    from postroom import oauth2

log = logging.getLogger(__name__)

#: Seconds before its end when a token counts as ended.
EARLY = 60.0
#: Codes that no waiting mends (RFC 6749, 5.2; OpenID Connect Core, 3.1.2.6).
_FOR_GOOD = frozenset({"invalid_grant", "interaction_required", "consent_required"})


class LoginRefusedError(SourceError):
    """The mail server does not take this password or token."""


class PausedError(SourceError):
    """Only a new login helps: until then neither the server nor the endpoint is asked."""


class AccessTokens:
    """Not for use by several threads at once."""

    def __init__(
        self,
        client: "oauth2.Client",
        kept: TokenFile,
        login: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._kept = kept
        #: The command that mends a refusal.
        self._login = login
        self._clock = clock
        self._token = ""
        self._ends = -inf
        #: Whether the server took the token: one that it never took is not worth another.
        self._proven = False
        #: Not written yet; the endpoint may have forgotten the one on disk.
        self._unkept = ""
        self._refused = ""

    def log_in(self, attempt: Callable[[str], None]) -> None:
        """Connect by `attempt`, with another token if the server refuses one it took before."""
        try:
            attempt(self.current())
        except LoginRefusedError:
            attempt(self._another())
        self._proven = True

    def current(self) -> str:
        """A token that should do; asks the endpoint when there is none."""
        if not self._token or self._clock() >= self._ends:
            self._refresh()
        return self._token

    def _another(self) -> str:
        """A token in place of one that the server refused; SourceError if that was new."""
        if not self._proven:
            raise SourceError(
                "the mail server refuses a new access token: is it of the same account, and may "
                f"programs read its mail? If so, log in anew: {self._login}"
            )
        self._refresh()
        return self._token

    def _refresh(self) -> None:
        refresh_token = self._unkept or self._stored()
        if not refresh_token:
            raise PausedError(f"paused: nobody has logged in yet: {self._login}")
        if refresh_token == self._refused:
            raise PausedError(f"paused until somebody logs in: {self._login}")
        from postroom import oauth2  # noqa: PLC0415

        now = self._clock()
        try:
            tokens = oauth2.refreshed(self._client, refresh_token)
        except RefusedError as e:
            if e.code in _FOR_GOOD:
                self._refused, self._unkept = refresh_token, ""
                raise PausedError(f"paused, as {e}: log in again: {self._login}") from e
            raise SourceError(f"{e}: see docs/oauth2.md") from e
        self._token, self._proven, self._refused = tokens.access, False, ""
        self._ends = now + max(tokens.expires_in - EARLY, tokens.expires_in / 2)
        if tokens.refresh and tokens.refresh != refresh_token:
            self._unkept = tokens.refresh
        self._keep()

    def _stored(self) -> str:
        try:
            return self._kept.read()
        except CredentialError as e:
            raise PausedError(f"paused: {e}") from e

    def _keep(self) -> None:
        if not self._unkept:
            return
        try:
            self._kept.write(self._unkept)
        except CredentialError as e:
            # The mail goes on: only a restart would need the file.
            log.error("%s; tried again with the next token", e)  # noqa: TRY400 - no defect
        else:
            self._unkept = ""


def of(options: AuthOptions, credentials: Credentials, kind: str) -> AccessTokens | None:
    """The access tokens of a mailbox; None if it logs in with a password."""
    if options.auth == "password":
        return None
    login = house.typed(f"provider login {shlex.quote(credentials.name)}")
    return AccessTokens(client(options, credentials, kind), kept(options, credentials), login)


def client(options: AuthOptions, credentials: Credentials, kind: str) -> "oauth2.Client":
    """Who asks for the tokens of a mailbox, and where."""
    # Who logs in with a password, as most do, need not load HTTP.
    from postroom import oauth2  # noqa: PLC0415

    endpoints = options.endpoints
    return oauth2.Client(
        endpoints.token_url,
        options.oauth2_client_id,
        credentials.client_secret or "",
        endpoints.scope(kind),
    )


def kept(options: AuthOptions, credentials: Credentials) -> TokenFile:
    """Where the refresh token of a mailbox is."""
    account = " ".join(
        (options.endpoints.token_url, options.oauth2_client_id, credentials.username or "")
    )
    return TokenFile(credentials.token_file, account, credentials.refresh_token or "")
