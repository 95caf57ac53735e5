"""What a process knows of the accounts that it reads, each of which may have several mailboxes."""

import threading
from dataclasses import dataclass, field

from .quota import Clock, Day, utc
from .turns import Turns


@dataclass(frozen=True, slots=True)
class Account:
    """What the mailboxes of one account share."""

    day: Day
    turns: Turns = field(default_factory=Turns)


class Accounts:
    """By fingerprint: protocol, server and user."""

    def __init__(self, clock: Clock = utc) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, Account] = {}

    def of(self, fingerprint: str) -> Account:
        """The account, known or new."""
        with self._lock:
            if fingerprint not in self._known:
                self._known[fingerprint] = Account(Day(self._clock))
            return self._known[fingerprint]
