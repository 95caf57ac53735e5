"""What the API answers of alarms, as types; see answers."""

from typing import Any

from .answers import Base


class Alarm(Base, frozen=True):
    """Something that somebody has to look at."""

    id: int
    #: What it is about: `mailbox:work`, `disk:database`.
    subject: str
    #: The kind of the event that opened it, or made it worse.
    kind: str
    source: str
    about: dict[str, Any]
    #: The event that opened it.
    event: int
    since: str
    ended: str | None
    acknowledged: str | None
    #: When a mail last told of it.
    told: str | None


class Attention(Base, frozen=True):
    """What somebody has to look at now, and what waits to be done."""

    #: Whether there is anything of the next five.
    needed: bool
    #: The first of those that are open; those that nobody knows of come first.
    alarms: list[Alarm]
    more_alarms: int
    quarantined: int
    #: Slots of scripts of the last day.
    missed: int
    #: Runs of the last day.
    failed: int
    #: Tasks that are not done, by their kind.
    tasks: dict[str, int]
