"""What a [mailbox NAME] section says of its login, for every source that logs in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from postroom import settings
from postroom.net import is_loopback


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where an account's owner logs in, and where tokens come from."""

    token_url: str
    authorize_url: str = ""
    #: "" where mail is not granted to device codes.
    device_url: str = ""
    #: By kind of source.
    scopes: Mapping[str, str] = field(default_factory=dict)
    #: What the redirect to this machine is called; the port is free (RFC 8252, 7.3).
    loopback: str = "127.0.0.1"
    #: What the first page wants to be asked besides.
    extra: Mapping[str, str] = field(default_factory=dict)

    def scope(self, kind: str) -> str:
        """What to ask for; "" leaves it to the endpoint."""
        return self.scopes.get(kind, "")


_OUTLOOK = "https://outlook.office.com"
_MICROSOFT = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0"
PROVIDERS: Mapping[str, Endpoints] = {
    "google": Endpoints(
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        scopes=dict.fromkeys(("imap", "pop3"), "https://mail.google.com/"),
        # Without it a second login gives no refresh token.
        extra={"access_type": "offline", "prompt": "consent"},
    ),
    "microsoft": Endpoints(
        token_url=f"{_MICROSOFT}/token",
        authorize_url=f"{_MICROSOFT}/authorize",
        device_url=f"{_MICROSOFT}/devicecode",
        scopes={
            "imap": f"{_OUTLOOK}/IMAP.AccessAsUser.All offline_access",
            "pop3": f"{_OUTLOOK}/POP.AccessAsUser.All offline_access",
        },
        loopback="localhost",
    ),
}


class AuthOptions(settings.Options, frozen=True):
    """The keys of a login; user name, password and secrets are credentials."""

    auth: Literal["password", "oauth2"] = "password"
    #: Mode 0600; holds the password and nothing else.
    password_file: str = ""
    #: google, microsoft, or empty for the three addresses below.
    oauth2_provider: str = ""
    #: microsoft: whose accounts may log in; a name of your organisation, or common.
    oauth2_tenant: str = "common"
    oauth2_client_id: str = ""
    oauth2_token_url: str = ""
    oauth2_authorize_url: str = ""
    oauth2_device_url: str = ""
    #: Empty takes what the provider's mail needs.
    oauth2_scope: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot work."""
        if self.auth == "password":
            if self.oauth2_provider or self.oauth2_client_id:
                raise ValueError("auth: found password, but oauth2_ keys are set: auth = oauth2")
            return
        if self.oauth2_provider and self.oauth2_provider not in PROVIDERS:
            known = ", ".join(sorted(PROVIDERS))
            found = f"oauth2_provider: found {self.oauth2_provider!r}"
            raise ValueError(f"{found}, expected one of {known}, or oauth2_token_url instead")
        if not self.oauth2_client_id:
            raise ValueError("oauth2_client_id: missing: docs/oauth2.md says how to get one")
        if not self.endpoints.token_url:
            raise ValueError("oauth2_provider: missing: set it, or oauth2_token_url")
        for key in ("token_url", "authorize_url", "device_url"):
            _require_safe(f"oauth2_{key}", getattr(self.endpoints, key))

    @property
    def endpoints(self) -> Endpoints:
        """The provider's, with what this section says instead."""
        known = PROVIDERS.get(self.oauth2_provider, Endpoints(""))
        tenant = self.oauth2_tenant
        scopes = dict.fromkeys(("imap", "pop3"), self.oauth2_scope)
        return Endpoints(
            token_url=self.oauth2_token_url or known.token_url.format(tenant=tenant),
            authorize_url=self.oauth2_authorize_url or known.authorize_url.format(tenant=tenant),
            device_url=self.oauth2_device_url or known.device_url.format(tenant=tenant),
            scopes=scopes if self.oauth2_scope else known.scopes,
            loopback=known.loopback,
            extra=known.extra,
        )


def _require_safe(key: str, url: str) -> None:
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if url and (not safe or not parts.hostname):
        raise ValueError(f"{key}: found {url!r}, expected an address that begins with https://")
