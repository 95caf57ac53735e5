"""Connections to one account: mailboxes that are more than these take turns."""

import threading
from collections import deque

#: Seconds between two looks at the stop event.
TICK = 0.25


class Turns:
    """Hands out an account's connections, first come, first served."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        #: 0: no limit.
        self._most = 0
        self._members = 0
        self._holders = 0
        self._queue: deque[Turn] = deque()

    def join(self, most: int) -> "Turn":
        """One more mailbox reads the account; the smallest limit of all holds."""
        with self._changed:
            self._members += 1
            self._most = min(most, self._most or most) if most else self._most
        return Turn(self)

    @property
    def are_short(self) -> bool:
        """Whether there are more mailboxes than connections."""
        return bool(self._most) and self._members > self._most

    def take(self, turn: "Turn", seconds: float, stop: threading.Event) -> bool:
        """Wait for a connection; a place in the queue is kept until it is given up."""
        with self._changed:
            if turn not in self._queue:
                self._queue.append(turn)
            while not self._is_next(turn):
                if seconds <= 0 or stop.is_set():
                    return False
                self._changed.wait(min(seconds, TICK))
                seconds -= TICK
            self._queue.remove(turn)
            self._holders += 1
            self._changed.notify_all()
        return True

    def give_back(self, turn: "Turn", *, held: bool) -> None:
        """The connection is closed, or no longer waited for."""
        with self._changed:
            self._holders -= held
            if turn in self._queue:
                self._queue.remove(turn)
            self._changed.notify_all()

    def leave(self) -> None:
        """One of the mailboxes is read no more."""
        with self._changed:
            self._members -= 1

    def _is_next(self, turn: "Turn") -> bool:
        return not self._most or (self._queue[0] is turn and self._holders < self._most)


class Turn:
    """One mailbox's right to a connection."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.held = False

    @property
    def is_short(self) -> bool:
        """Whether the connection has to be given back between two looks."""
        return self._turns.are_short

    def take(self, seconds: float, stop: threading.Event) -> bool:
        """Wait for the right for at most so long, or until told to stop."""
        self.held = self._turns.take(self, seconds, stop)
        return self.held

    def give_back(self) -> None:
        """Once the connection is closed."""
        self._turns.give_back(self, held=self.held)
        self.held = False

    def leave(self) -> None:
        """The mailbox is read no more."""
        self.give_back()
        self._turns.leave()
