"""Who may do what: open reading and ingest on this machine, tokens everywhere else."""

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import peewee
from flask import Flask, current_app, request

from postroom import house
from postroom.errors import RefusedError, SettingsError
from postroom.net import is_loopback

from ..access import sessions, users
from ..log import callers
from ..log.callers import Caller
from ..models import Run, Task, Token, database, now
from .bodies import JSON, MSGPACK

SCOPES = ("read", "ingest", "operate", "run", "admin")
#: Starting and running code is never open, not even to this machine.
NEVER_OPEN = frozenset({"operate", "run", "admin"})
PREFIX = "pr_"
_WHO = "SELECT name, scopes FROM tokens WHERE sha256 = {0}"
#: The index of runs' tokens holds for these very words.
_HAS_TOKEN = peewee.SQL("token <> ''")
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
#: A proxy in front: what looks local may come from anywhere.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
#: What the forms of our own pages send.
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
V = TypeVar("V", bound=Callable[..., object])


def scope(*names: str) -> Callable[[V], V]:
    """Say which scopes open a view, each alone; without it: read for GET, admin for all else."""

    def mark(view: V) -> V:
        view.__dict__["scope"] = names
        return view

    return mark


def page(*names: str) -> Callable[[V], V]:
    """The same of a web page: people sign in for it, and it takes forms."""

    def mark(view: V) -> V:
        view.__dict__["page"] = True
        return scope(*names)(view)

    return mark


def is_page(view: Callable[..., object] | None) -> bool:
    """Whether a view is a web page."""
    return getattr(view, "page", False)


def scopes_of(view: Callable[..., object], method: str) -> tuple[str, ...]:
    """The scopes that open a view, each by itself; none where it is open to all."""
    default = "read" if method in SAFE_METHODS else "admin"
    found: tuple[str, ...] = getattr(view, "scope", (default,))
    return () if found == ("none",) else found


def register(app: Flask) -> None:
    """Check every request before anything of it is read."""
    app.before_request(_check)


def _check() -> None:
    _check_host()
    _check_origin()
    view = current_app.view_functions.get(request.endpoint or "")
    needed = scopes_of(view, request.method) if view else ("read",)
    # What daemons bring is nobody's action; "operate" is said of what people ask for.
    acts = "operate" in needed or not {"ingest", "run"}.intersection(needed)
    caller = _caller()
    callers.enter(caller, acts=acts)
    is_open = not needed or (_is_open(view) and not NEVER_OPEN.issuperset(needed))
    if not is_open:
        _check_scopes(caller, needed)
    if is_page(view):
        _check_form(caller)
    else:
        _check_type()
        if not is_open and caller.session and request.method not in SAFE_METHODS:
            _check_csrf(caller.secret, request.headers.get("X-CSRF-Token", ""))


def _check_host() -> None:
    # Against DNS rebinding: a page of another name must not reach us through the browser.
    if _host_name() not in LOCAL_NAMES | current_app.config["HOSTS"]:
        raise RefusedError("bad_host", f"this API does not answer for the host {request.host!r}")


def _host_name() -> str:
    host = request.host.lower()
    return host if host.endswith("]") else host.rsplit(":", 1)[0] if ":" in host else host


def _check_origin() -> None:
    origin = request.headers.get("Origin")
    if origin is not None and origin not in _own_origins():
        raise RefusedError("bad_origin", f"requests from {origin!r} are refused")
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise RefusedError("bad_origin", "requests from other sites are refused")


def _own_origins() -> tuple[str, ...]:
    plain = f"{request.scheme}://{request.host}"
    return (plain, f"https://{request.host}") if is_https() else (plain,)


def is_https() -> bool:
    """Whether the browser speaks TLS, with us or with a proxy in front of us."""
    return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"


def _check_type() -> None:
    # No form of a web page can send these types without the browser asking us first.
    if request.method not in SAFE_METHODS and request.mimetype not in (JSON, MSGPACK):
        raise RefusedError("unsupported_type", f"send {JSON} or {MSGPACK} as Content-Type")


def _check_form(caller: Caller) -> None:
    if request.method in SAFE_METHODS:
        return
    if request.mimetype not in FORMS:
        raise RefusedError("unsupported_type", "a page takes its own forms only")
    secret = caller.secret or request.cookies.get(sessions.VISIT, "")
    _check_csrf(secret, request.form.get("csrf", ""))


def _check_csrf(secret: str, given: str) -> None:
    if not sessions.is_form_token(secret, given):
        raise RefusedError("bad_csrf", "this form is too old: go back, load the page and try again")


def _is_open(view: Callable[..., object] | None) -> bool:
    """Whether this request comes from this machine to an API that only this machine reaches."""
    return (
        current_app.config["LOOPBACK"]
        and _host_name() in LOCAL_NAMES
        and not any(name in request.headers for name in FORWARDED)
        # Where there are users, people sign in.
        and not (is_page(view) and users.exist())
    )


def may(*scopes: str) -> bool:
    """Whether who asks may do what one of these scopes opens."""
    if callers.current().may(scopes):
        return True
    view = current_app.view_functions.get(request.endpoint or "")
    return _is_open(view) and not NEVER_OPEN.issuperset(scopes)


def _given() -> str:
    kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
    return bearer.strip() if kind.lower() == "bearer" else request.headers.get("X-API-Key", "")


def _caller() -> Caller:
    if given := _given():
        return token_caller(given) or callers.NOBODY
    if cookie := request.cookies.get(sessions.COOKIE):
        found = sessions.caller(cookie)
        if found is not None:
            return found
    return Caller(callers.THIS_MACHINE, frozenset()) if _is_open(None) else callers.NOBODY


def token_caller(given: str) -> Caller | None:
    """Who has this token; None if nobody."""
    digest = _hash(given)
    # Asked with each request: a model would cost more than the query.
    row = database.execute_sql(_WHO.format(database.param), (digest,)).fetchone()
    if row is not None:
        return Caller(row[0], frozenset(msgspec.json.decode(row[1])))
    # What a script reads with, as long as it runs.
    reads = request.method in SAFE_METHODS and _is_of_a_run(digest)
    return Caller("a script", frozenset({"read"})) if reads else None


def _is_of_a_run(digest: str) -> bool:
    """Whether a run that is under way was given the token of that hash."""
    found = Run.select().join(Task).where(
        _HAS_TOKEN, Run.token == digest, Run.claim > "", Task.lease_until >= now()
    )  # fmt: skip
    return bool(found.exists())


def _check_scopes(caller: Caller, needed: tuple[str, ...]) -> None:
    if not caller.scopes:
        known = (
            "this token is not known" if _given() else "send a token: Authorization: Bearer pr_..."
        )
        raise RefusedError("unauthorized", known)
    if not caller.may(needed):
        what = "this user" if caller.user else "this token"
        raise RefusedError("forbidden", f"{what} lacks the scope {' or '.join(needed)!r}")


def admin_token(given: str) -> Token | None:
    """The row of a token that may do everything; None if it is not one."""
    token: Token | None = Token.get_or_none(Token.sha256 == _hash(given))
    return token if token is not None and "admin" in token.scopes else None


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


def forget_strange_tokens(folder: Path) -> None:
    """Forget those of our own tokens whose files are not there: the next start makes them anew."""
    for name in OWN_TOKENS:
        file = folder / f"{name}.token"
        sha256 = _hash(file.read_text().strip()) if file.is_file() else ""
        Token.delete().where(Token.name == name, Token.sha256 != sha256).execute()


def check_bind(host: str) -> None:
    """Refuse to listen beyond this machine while nobody needs a token or signs in."""
    if is_loopback(host) or users.exist():
        return
    if not Token.select().where(Token.name.not_in(list(OWN_TOKENS))).exists():
        raise SettingsError(
            f"[api] host = {host} is reachable by others, and there are no tokens yet: make one "
            f"for the master and each reader with `{house.typed('api')} token new NAME --scope "
            "read,ingest`, or listen on 127.0.0.1"
        )
