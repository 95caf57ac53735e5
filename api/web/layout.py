"""What every page is made with: its words, its headers, who looks at it, and how."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, Response, current_app, g, request
from jinja2 import StrictUndefined

import postroom
from postroom import shown

from ..access import sessions
from ..log import callers
from ..rest.security import is_https, is_page, may
from . import charts, listing, mailquery, scriptlook
from .strings import LANGUAGE, has, t

#: The pages speak with us alone, and nothing in a page itself is ever run.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
#: What is told on the next page; the cookie holds a key of `strings`, never text.
FLASH = "postroom_flash"
THEME = "postroom_theme"
THEMES = ("auto", "light", "dark")
Entry = tuple[str, str, str]
#: What stands in the navigation: endpoint, words, and the scope that sees it. Who has not signed
#: in sees all, and is asked to.
NAVIGATION = (
    ("overview.overview", "nav.overview", "read"),
    ("mail_pages.listed", "nav.mails", "read"),
    ("watched_pages.listed", "nav.pages", "read"),
    ("script_pages.listed", "nav.scripts", "read"),
    ("run_pages.listed", "nav.runs", "read"),
    ("quarantine.listed", "nav.quarantine", "read"),
    ("happened.events", "nav.events", "read"),
    ("mailboxpages.listed", "nav.mailboxes", "read"),
    ("settings.index", "nav.settings", "admin"),
)
#: The same below Settings.
SETTINGS = (
    ("settings.index", "nav.in_force", "admin"),
    ("mailboxpages.listed", "nav.mailboxes", "read"),
    ("tokenpages.listed", "nav.tokens", "admin"),
    ("webhookpages.listed", "nav.webhooks", "admin"),
    ("users.users", "nav.users", "admin"),
)
#: Whose entry marks the pages that a navigation has none for, all by their blueprints.
BELOW = {
    "mail_page": "mail_pages",
    "file_pages": "watched_pages",
    "digest_pages": "watched_pages",
    "source_pages": "script_pages",
    "replay_pages": "script_pages",
    "tokenpages": "settings",
    "webhookpages": "settings",
    "users": "settings",
}
YEAR_SECONDS = 365 * 86_400


def register(app: Flask) -> None:
    """Let templates say what they need, and send our headers with each page."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        t=t,
        sparkline=charts.sparkline,
        bars=charts.bars,
        lines=charts.lines,
        found_by=mailquery.found_by,
    )
    app.jinja_env.filters.update(
        ago=ago,
        dated=dated,
        when=when,
        size=size,
        lasting=lasting,
        took=scriptlook.took,
        exact=scriptlook.exact,
        reason=scriptlook.reason,
        plain=shown.clean,
        place=shown.place,
    )
    app.jinja_env.tests["link"] = shown.is_link
    app.context_processor(_known)
    app.after_request(_send)


def _known() -> dict[str, Any]:
    caller = callers.current()
    streams = any(rule.rule == "/v1/events/stream" for rule in current_app.url_map.iter_rules())
    return {
        "language": LANGUAGE,
        "caller": caller,
        "theme": theme(),
        "csrf": csrf,
        "flash": flash,
        "here": listing.here,
        "stream": "/v1/events/stream" if streams else "",
        "navigation": _seen(NAVIGATION),
        "settings_navigation": _seen(SETTINGS),
        "may": may,
        "program": postroom.__version__,
    }


def _seen(entries: Sequence[Entry]) -> list[tuple[str, str, str]]:
    """Those that may be seen: endpoint, words, and what `aria-current` says of it."""
    owner = _blueprint_of(request.endpoint or "")
    if owner not in [_blueprint_of(endpoint) for endpoint, _, _ in entries]:
        owner = BELOW.get(owner, owner)
    found = []
    for endpoint, words, scope in entries:
        if not callers.current().session or may(scope):
            below = "true" if _blueprint_of(endpoint) == owner else ""
            found.append((endpoint, words, "page" if request.endpoint == endpoint else below))
    return found


def _blueprint_of(endpoint: str) -> str:
    return endpoint.rpartition(".")[0]


def theme() -> str:
    """The theme that was chosen in this browser."""
    chosen = request.cookies.get(THEME, "")
    return chosen if chosen in THEMES else "auto"


def csrf() -> str:
    """What each form must bring along: of one page all the same."""
    if "csrf" not in g:
        g.csrf = sessions.form_token(_secret())
    token: str = g.csrf
    return token


def _secret() -> str:
    """What the forms of a page are bound to."""
    secret = callers.current().secret or request.cookies.get(sessions.VISIT, "")
    if not secret:
        # Its cookie leaves with the answer.
        secret = g.visit = secrets.token_urlsafe(32)
    return secret


def flash() -> str:
    """What was done just before, this once; "" if nothing."""
    key = request.cookies.get(FLASH, "")
    if not key.startswith("done.") or not has(key):
        return ""
    g.flash = key
    return t(key)


def _send(response: Response) -> Response:
    if is_page(current_app.view_functions.get(request.endpoint or "")) or "html" in g:
        response.headers.update({**HEADERS, **response.headers})
        if "visit" in g:
            set_cookie(response, sessions.VISIT, g.visit)
        if "flash" in g:
            response.delete_cookie(FLASH)
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def set_cookie(response: Response, name: str, value: str, seconds: float | None = None) -> None:
    """A cookie that scripts do not see and other sites do not send."""
    response.set_cookie(
        name,
        value,
        max_age=None if seconds is None else round(seconds),
        httponly=True,
        secure=is_https(),
        samesite="Lax",
    )


def when(time: str | None) -> str:
    """A time as people read it."""
    return time[:16].replace("T", " ") + " UTC" if time else t("time.never")


def ago(time: str | None) -> str:
    """How long ago that was."""
    if not time:
        return t("time.never")
    seconds = (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()
    if seconds < 60:
        return t("time.now")
    for unit, length in (("days", 86_400), ("hours", 3_600)):
        if seconds >= length:
            return t(f"time.{unit}", count=int(seconds // length))
    return t("time.minutes", count=int(seconds // 60))


def dated(time: str) -> str:
    """The day that was; how long ago it was where that says more."""
    age = datetime.now(UTC) - datetime.fromisoformat(time)
    return ago(time) if timedelta() <= age < timedelta(days=7) else time[:10]


def lasting(seconds: float) -> str:
    """A length of time as people read it."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return t(f"lasting.{unit}", count=int(seconds // length))
    return t("lasting.s", count=int(seconds))


def size(count: float) -> str:
    """A number of bytes as people read it."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1_000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1_000
    return f"{count:.1f} TB"
