"""Who asks: found once for each request, and named in the events of what they do."""

from dataclasses import dataclass

from flask import g, has_request_context

THIS_MACHINE = "this machine"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may do."""

    #: The name of a user or a token, or "this machine".
    name: str
    scopes: frozenset[str]
    #: The row of a signed-in browser, and what is kept secret between it and us.
    session: int | None = None
    secret: str = ""
    #: The row of the user; None for tokens and for this machine.
    user: int | None = None
    role: str = ""

    def may(self, needed: tuple[str, ...]) -> bool:
        """Whether one of these scopes is theirs."""
        return "admin" in self.scopes or not self.scopes.isdisjoint(needed)


#: Whoever is not known at all.
NOBODY = Caller("", frozenset())


def enter(caller: Caller, *, acts: bool) -> None:
    """Know who asks from now on; `acts` is said of what people do, not of what daemons bring."""
    g.caller, g.acts = caller, acts


def current() -> Caller:
    """Who asks."""
    found: Caller = g.get("caller", NOBODY)
    return found


def who() -> str:
    """The name of who asks: a user, a token, or this machine."""
    return current().name


def cause() -> str:
    """The name of whose action this is; "" for what happens by itself or is brought by a daemon."""
    return who() if has_request_context() and g.get("acts") else ""
