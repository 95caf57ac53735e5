"""Tokens as admins keep them: made, seen this once, revoked."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from postroom.errors import RefusedError

from ..database import Database
from ..log import events
from ..models import Token, named
from . import security
from .answers import Base

LONGEST_NAME = 100
_Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token as somebody wants it."""

    name: _Name
    scopes: Annotated[list[str], Meta(min_length=1, max_length=len(security.SCOPES))] = (
        msgspec.field(default_factory=lambda: ["read"])
    )


class RevokeToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token is to end."""

    #: To be said of those that the API made for itself, admin and runner.
    own: bool = False


class ShownToken(Base, frozen=True):
    """A token; what it is itself is not kept."""

    name: str
    scopes: list[str]
    #: Made by the API at its first start; a revoked one is made anew at the next.
    own: bool
    created: str


class MadeToken(ShownToken, frozen=True):
    """A token that was just made, with what it is, this once."""

    token: str


def make(db: Database, name: str, scopes: Sequence[str], **about: str) -> str:
    """Make a token and return it: the only time that it is known."""
    # Names stand in addresses.
    if not (name.isprintable() and name == name.strip() and 0 < len(name) <= LONGEST_NAME) or (
        "/" in name or name in (".", "..")
    ):
        raise RefusedError(
            "bad_token", f"a name has 1 to {LONGEST_NAME} characters, none hidden, and no slash"
        )
    wanted = [scope for scope in security.SCOPES if scope in scopes]
    if not wanted or set(scopes) - set(security.SCOPES):
        raise RefusedError("bad_scope", f"scopes are some of {', '.join(security.SCOPES)}")
    with db.writing():
        if Token.select().where(Token.name == name).exists():
            raise RefusedError(
                "name_taken", f"there is a token {name!r}: revoke it first, or take another name"
            )
        token = security.new_token(name, wanted)
        events.tell("token.made", token=name, scopes=wanted, **about)
    return token


def revoke(db: Database, name: str, *, own: bool = False, **about: str) -> None:
    """End a token; who signed in by it is signed out at once."""
    if name in security.OWN_TOKENS and not own:
        raise RefusedError(
            "own_token",
            f"the API made {name!r} for itself, and makes another one at its next start: say that "
            "you mean it",
        )
    with db.writing():
        found(name).delete_instance()
        events.tell("token.revoked", token=name, **about)


def found(name: str) -> Token:
    """The token of that name."""
    return named.found(Token, name)


def is_own(token: Token) -> bool:
    """Whether the API made it for itself."""
    return token.name in security.OWN_TOKENS


def shown(token: Token) -> ShownToken:
    """How it is shown."""
    return ShownToken(
        name=token.name, scopes=token.scopes, own=is_own(token), created=token.created
    )
