"""The event log: what happened, told in the transaction that made it true."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..database import bulk
from ..models import Event, encode, now
from . import callers


class Told(NamedTuple):
    """An event on its way into the log."""

    kind: str
    source: str
    about: dict[str, Any]


def tell(kind: str, source: str = "", **about: Any) -> None:
    """Append one event; call it inside the transaction that it tells of."""
    tell_many([Told(kind, source, about)])


def tell_many(told: Sequence[Told]) -> None:
    """Append events, in order; where somebody's action is the cause, they say whose."""
    time, cause = now(), callers.cause()
    by = {"by": cause} if cause else {}
    rows = [
        {
            "kind": kind,
            "source": source,
            "about": encode({**by, **about}),
            "created": time,
            "changed": time,
        }
        for kind, source, about in told
    ]
    bulk.insert(Event, rows)
