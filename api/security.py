"""Who may do what: open reading and ingest on this machine, tokens everywhere else."""

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from flask import Flask, current_app, request

from postroom import house
from postroom.errors import RefusedError, SettingsError
from postroom.net import is_loopback

from . import leases
from .bodies import JSON, MSGPACK
from .models import Token

SCOPES = ("read", "ingest", "run", "admin")
#: Running code is never open, not even to this machine.
NEVER_OPEN = frozenset({"run", "admin"})
PREFIX = "pr_"
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
#: A proxy in front: what looks local may come from anywhere.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
V = TypeVar("V", bound=Callable[..., object])


def scope(name: str) -> Callable[[V], V]:
    """Say which scope a view needs; without it: read for GET, admin for all else."""

    def mark(view: V) -> V:
        view.__dict__["scope"] = name
        return view

    return mark


def scope_of(view: Callable[..., object], method: str) -> str | None:
    """The scope that a view needs; None where it is open to all."""
    default = "read" if method in SAFE_METHODS else "admin"
    found: str = getattr(view, "scope", default)
    return None if found == "none" else found


def register(app: Flask) -> None:
    """Check every request before anything of it is read."""
    app.before_request(_check)


def _check() -> None:
    _check_host()
    _check_origin()
    needed = _needed_scope()
    if needed is not None and (needed in NEVER_OPEN or not _is_open()):
        _check_token(needed)
    _check_type()


def _needed_scope() -> str | None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return "read"
    return scope_of(view, request.method)


def _check_host() -> None:
    # Against DNS rebinding: a page of another name must not reach us through the browser.
    if _host_name() not in LOCAL_NAMES | current_app.config["HOSTS"]:
        raise RefusedError("bad_host", f"this API does not answer for the host {request.host!r}")


def _host_name() -> str:
    host = request.host.lower()
    return host if host.endswith("]") else host.rsplit(":", 1)[0] if ":" in host else host


def _check_origin() -> None:
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        raise RefusedError("bad_origin", f"requests from {origin!r} are refused")
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise RefusedError("bad_origin", "requests from other sites are refused")


def _check_type() -> None:
    # No form of a web page can send these types without the browser asking us first.
    if request.method not in SAFE_METHODS and request.mimetype not in (JSON, MSGPACK):
        raise RefusedError("unsupported_type", f"send {JSON} or {MSGPACK} as Content-Type")


def _is_open() -> bool:
    """Whether this request comes from this machine to an API that only this machine reaches."""
    return (
        current_app.config["LOOPBACK"]
        and _host_name() in LOCAL_NAMES
        and not any(name in request.headers for name in FORWARDED)
    )


def _check_token(needed: str) -> None:
    given = request.headers.get("X-API-Key", "")
    kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        given = bearer.strip()
    if not given:
        raise RefusedError("unauthorized", "send a token: Authorization: Bearer pr_...")
    scopes = _scopes(_hash(given))
    if not scopes:
        raise RefusedError("unauthorized", "this token is not known")
    if needed not in scopes and "admin" not in scopes:
        raise RefusedError("forbidden", f"this token lacks the scope {needed!r}")


def _scopes(digest: str) -> list[str]:
    token = Token.get_or_none(Token.sha256 == digest)
    if token is not None:
        found: list[str] = token.scopes
        return found
    # What a script reads with, as long as it runs.
    reads = request.method in SAFE_METHODS and leases.is_token(digest)
    return ["read"] if reads else []


def _hash(token: str) -> str:
    # Tokens are 256 random bits: a plain hash cannot be turned back, and looking it up by index
    # tells no timing of the token itself.
    return hashlib.sha256(token.encode()).hexdigest()


def new_token(name: str, scopes: list[str]) -> str:
    """Make a token and return it: the only time that it is known."""
    token = PREFIX + secrets.token_urlsafe(32)
    Token.create(name=name, sha256=_hash(token), scopes=scopes)
    return token


#: Made at the first start: who looks after the API, and the runner of this machine.
OWN_TOKENS = {"admin": ["admin"], "runner": ["run", "read"]}


def ensure_token(name: str, path: Path) -> bool:
    """At the first start, put such a token into a file of mode 0600; whether it was made now."""
    if Token.select().where(Token.name == name).exists():
        return False
    token = new_token(name, OWN_TOKENS[name])
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(token + "\n")
    return True


def check_bind(host: str) -> None:
    """Refuse to listen beyond this machine while nobody needs a token."""
    if is_loopback(host):
        return
    if not Token.select().where(Token.name.not_in(list(OWN_TOKENS))).exists():
        raise SettingsError(
            f"[api] host = {host} is reachable by others, and there are no tokens yet: make one "
            f"for the master and each reader with `{house.typed('api')} token new NAME --scope "
            "read,ingest`, or listen on 127.0.0.1"
        )
