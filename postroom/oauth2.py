"""OAuth2 as a client (RFC 6749): asks a token endpoint, believes little, shows no token."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests

from postroom.errors import RefusedError, TemporaryError
from postroom.net import is_loopback

#: Seconds to connect, and between two pieces of an answer.
TIMEOUT = (10.0, 20.0)
#: Seconds of a whole answer.
LONGEST = 60.0
MAX_ANSWER = 64 * 1024
#: Seconds to leave a failing endpoint alone where it does not say, and the longest it may say.
PAUSE, MAX_PAUSE = 30.0, 3_600.0
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
#: RFC 6750, 2.1, and nothing that could end a SASL message early.
_BEARER = re.compile(r"[\x21-\x7e]{1,16384}")
_CODE = re.compile(r"[a-zA-Z_]{1,60}")
#: Microsoft's own numbers, which people search for; the text around them may quote anything.
_NUMBER = re.compile(r"\bAADSTS\d{4,8}\b")
_PASSING = frozenset({"server_error", "temporarily_unavailable"})


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, and where."""

    token_url: str
    client_id: str
    #: Public clients have none.
    client_secret: str = field(default="", repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the endpoint gave."""

    access: str = field(repr=False)
    #: Seconds; inf where nothing was said.
    expires_in: float
    #: "" where the old one goes on to hold.
    refresh: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A login that somebody confirms elsewhere (RFC 8628, 3.2)."""

    code: str = field(repr=False)
    #: What is to be typed in at `url`.
    user_code: str
    url: str
    #: Seconds.
    expires_in: float
    interval: float


def refreshed(client: Client, refresh_token: str) -> Tokens:
    """Trade a refresh token for an access token."""
    return _granted(client, grant_type="refresh_token", refresh_token=refresh_token)


def exchanged(client: Client, code: str, verifier: str, redirect_uri: str) -> Tokens:
    """Trade the code of a redirect; `verifier` proves that we began it (RFC 7636)."""
    told = {"code": code, "code_verifier": verifier, "redirect_uri": redirect_uri}
    return _granted(client, grant_type="authorization_code", **told)


def device_code(client: Client, url: str) -> DeviceCode:
    """Begin a login that is confirmed on another device."""
    answer = _post(url, {"client_id": client.client_id, "scope": client.scope})
    shown = answer.get("verification_uri") or answer.get("verification_url")
    told = (answer.get("device_code"), answer.get("user_code"), shown)
    code, user_code, page = (value if isinstance(value, str) else "" for value in told)
    if not code or not user_code or not page:
        raise RefusedError("not_understood", f"{_name(url)} gave no device code")
    expires = min(_seconds(answer.get("expires_in"), 900.0), 3_600.0)
    return DeviceCode(code, user_code, page, expires, _seconds(answer.get("interval"), 5.0))


def for_device(client: Client, code: DeviceCode) -> Tokens:
    """Ask whether it was confirmed; RefusedError with RFC 8628's codes while it was not."""
    return _granted(client, grant_type=DEVICE_GRANT, device_code=code.code)


def _granted(client: Client, **form: str) -> Tokens:
    form["client_id"] = client.client_id
    if client.client_secret:
        form["client_secret"] = client.client_secret
    if form["grant_type"] == "refresh_token" and client.scope:
        form["scope"] = client.scope
    answer = _post(client.token_url, form)
    access, refresh = answer.get("access_token"), answer.get("refresh_token") or ""
    if not isinstance(access, str) or not _BEARER.fullmatch(access) or not isinstance(refresh, str):
        raise RefusedError("not_understood", f"{_name(client.token_url)} gave no access token")
    return Tokens(access, _seconds(answer.get("expires_in"), inf), refresh)


def _post(url: str, form: Mapping[str, str]) -> dict[str, Any]:
    """One POST: TemporaryError when the endpoint is away, RefusedError when it says no."""
    try:
        with requests.Session() as session:
            # Secrets for this machine do not go by way of a proxy.
            session.trust_env = not is_loopback(urlsplit(url).hostname or "")
            with session.post(
                url,
                data=form,
                headers={"Accept": "application/json"},
                timeout=TIMEOUT,
                # Secrets follow nobody to another address.
                allow_redirects=False,
                # Without it, requests would send what a .netrc holds for that host.
                auth=_as_it_is,
                stream=True,
            ) as response:
                return _answer(url, response, _body(response))
    except requests.exceptions.SSLError as e:
        raise RefusedError("tls", f"{_name(url)} has no certificate that is trusted") from e
    except requests.RequestException as e:
        cause = type(e.__context__ or e).__name__
        raise TemporaryError(f"{_name(url)} does not answer: {cause}", PAUSE) from e


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _body(response: requests.Response) -> bytes:
    end, body = time.monotonic() + LONGEST, bytearray()
    # Byte by byte: a larger piece could take for ever, and answers are small.
    for byte in response.iter_content(1):
        body += byte
        if len(body) > MAX_ANSWER or time.monotonic() > end:
            raise requests.RequestException("the answer does not end")
    return bytes(body)


def _answer(url: str, response: requests.Response, body: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = None
    fields: dict[str, Any] = answer if isinstance(answer, dict) else {}
    if response.status_code == 200 and fields and "error" not in fields:
        return fields
    told = fields.get("error")
    code = (
        told if isinstance(told, str) and _CODE.fullmatch(told) else f"http_{response.status_code}"
    )
    if response.status_code in (408, 429) or response.status_code >= 500 or code in _PASSING:
        raise TemporaryError(f"{_name(url)} is not able to answer ({code})", _after(response))
    number = _NUMBER.search(str(fields.get("error_description", "")))
    said = f"{code}, {number.group()}" if number else code
    raise RefusedError(code, f"{_name(url)} says no ({said})")


def _after(response: requests.Response) -> float:
    said = response.headers.get("Retry-After", "")
    return min(float(said), MAX_PAUSE) if said.isdecimal() else PAUSE


def _seconds(value: Any, default: float) -> float:
    """A number of seconds; some endpoints write it as a text."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return default
    return seconds if 0 <= seconds < inf else default


def _name(url: str) -> str:
    """The endpoint as messages name it: without anything that stands behind its host."""
    return f"the token endpoint at {urlsplit(url).hostname}"
