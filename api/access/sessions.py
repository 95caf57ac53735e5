"""Browsers that are signed in: a random cookie, of which only the hash is kept."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from ..log.callers import Caller
from ..models import Fact, Session, Token, User, now
from ..schedule import stamp
from . import users

#: Of a browser that is signed in, and of one that is not: what its forms are bound to.
COOKIE, VISIT = "postroom_session", "postroom_visit"
#: The fact that all processes of the API know, and nobody else.
FORM_KEY = "form_key"


def begin(hours: float, *, user: User | None = None, token: Token | None = None) -> str:
    """Sign a browser in and return its cookie; clears away those that ran out."""
    secret = secrets.token_urlsafe(32)
    Session.delete().where(Session.expires < now()).execute()
    expires = stamp(datetime.now(UTC) + timedelta(hours=hours))
    Session.create(sha256=_hash(secret), user=user, token=token, expires=expires)
    return secret


def end(session: int) -> None:
    """Sign a browser out."""
    Session.delete().where(Session.id == session).execute()


def caller(secret: str) -> Caller | None:
    """Who has signed in with that cookie; None when it holds no longer."""
    row: Session | None = Session.get_or_none(
        Session.sha256 == _hash(secret), Session.expires > now()
    )
    if row is None:
        return None
    if row.user is not None:
        user = row.user
        return Caller(user.name, users.ROLES[user.role], row.id, secret, user.id, user.role)
    # One who signed in with a token may do what it may.
    return Caller(row.token.name, frozenset(row.token.scopes), row.id, secret, role="admin")


def form_token(secret: str) -> str:
    """What a form must bring along, so that no other site can have made it."""
    key = Fact.get(Fact.name == FORM_KEY).value
    return hmac.new(key.encode(), secret.encode(), hashlib.sha256).hexdigest()


def is_form_token(secret: str, given: str) -> bool:
    """Whether a form was made for the browser that has this cookie."""
    return bool(secret) and hmac.compare_digest(form_token(secret).encode(), given.encode())


def _hash(secret: str) -> str:
    # 256 random bits: a plain hash cannot be turned back.
    return hashlib.sha256(secret.encode()).hexdigest()
