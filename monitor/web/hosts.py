"""What looks share about hosts: whose turn it is, who wants a rest, what robots may."""

import socket
import threading
import time
from typing import Any
from urllib.robotparser import RobotFileParser

from postroom.errors import TemporaryError
from postroom.web.addresses import Resolve
from postroom.web.answers import LONGEST_REST

#: Seconds that a thread waits for a host before it takes up something else.
PATIENCE = 60.0
#: Where a server has too much to do and does not say for how long.
DEFAULT_REST = 60.0
ROBOTS_SECONDS = 3_600.0
_MOST_HOSTS = 10_000


class Hosts:
    """Shared by all threads of a process; a host is an origin: scheme, name and port."""

    def __init__(self, resolve: Resolve = socket.getaddrinfo) -> None:
        self.resolve = resolve
        self._lock = threading.Lock()
        #: Until when, by time.monotonic: the next turn, and a rest that the host asked for.
        self._turns: dict[str, float] = {}
        self._rests: dict[str, float] = {}
        self._robots: dict[str, tuple[float, RobotFileParser]] = {}

    def turn(self, host: str, pause: float, stop: threading.Event) -> float:
        """Wait until the host may be asked, and return for how long.

        The next one waits for `pause` more seconds. TemporaryError when it would take too long.
        """
        began = time.monotonic()
        while True:
            now = time.monotonic()
            at = self._reserved(host, pause, now)
            if stop.wait(at - now):
                raise TemporaryError("ended by the operator", 0.0)
            # It may have asked for a rest meanwhile.
            if self._rests.get(host, 0.0) <= time.monotonic():
                return time.monotonic() - began

    def rest(self, host: str, seconds: float) -> None:
        """Leave the host alone, whoever wants something of it."""
        until = time.monotonic() + min(seconds, LONGEST_REST)
        with self._lock:
            _thin(self._rests)
            self._rests[host] = max(until, self._rests.get(host, 0.0))

    def robots(self, origin: str) -> RobotFileParser | None:
        """The rules that were kept for an origin, unless they are too old."""
        until, rules = self._robots.get(origin, (0.0, None))
        return rules if until > time.monotonic() else None

    def keep_robots(self, origin: str, rules: RobotFileParser) -> None:
        """Keep an origin's rules for a while."""
        with self._lock:
            _thin(self._robots)
            self._robots[origin] = (time.monotonic() + ROBOTS_SECONDS, rules)

    def _reserved(self, host: str, pause: float, now: float) -> float:
        with self._lock:
            at = max(now, self._turns.get(host, 0.0), self._rests.get(host, 0.0))
            if at - now > PATIENCE:
                raise TemporaryError(f"{host} is to be left alone for {at - now:.0f} s", at - now)
            _thin(self._turns)
            self._turns[host] = at + pause
            return at


def _thin(kept: dict[str, Any]) -> None:
    """Forget the oldest when there are too many."""
    while len(kept) >= _MOST_HOSTS:
        del kept[next(iter(kept))]
