"""What a runner holds for a time: renewed on a thread of its own, let go before it ends."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Literal

from postroom.backoff import reason
from postroom.errors import RefusedError, TemporaryError
from postroom.runner_client import RunnerClient

from .threads import Threads

log = logging.getLogger(__name__)

_TICK = 0.1
_END_SECONDS = 2.0
#: Shares of a lease: when it is renewed, tried again after a failure, and let go.
_RENEW, _AGAIN, _MARGIN = 1 / 4, 1 / 20, 1 / 6
#: asked: somebody wants it to end; returned: another runner is to have it; lost: it is not ours.
Why = Literal["", "asked", "returned", "lost"]


@dataclass(slots=True, eq=False)
class Lease:
    """A run or a replay that this runner has; it counts from before it was asked for."""

    what: str
    seconds: float
    #: Asks for more time; whether it is to be stopped.
    renew: Callable[[RunnerClient], bool]
    began: float
    #: Ends the script.
    stop: Event = field(default_factory=Event)
    #: Another has it, or may have.
    lost: Event = field(default_factory=Event)
    why: Why = ""
    until: float = 0.0
    due: float = 0.0

    def __post_init__(self) -> None:
        self.extend(self.began)

    def extend(self, began: float) -> None:
        """It was renewed by a request that was sent at that moment."""
        self.until = began + self.seconds * (1 - _MARGIN)
        self.due = began + self.seconds * _RENEW

    def end(self, why: Why) -> None:
        """Kill the script; the first reason counts, but what is lost is lost."""
        if why == "lost":
            self.lost.set()
        if not self.why or why == "lost":
            self.why = why
        self.stop.set()


class Leases:
    """All that a runner holds."""

    def __init__(self, client: RunnerClient) -> None:
        self._client = client
        self._held: set[Lease] = set()
        self._lock = threading.Lock()
        self._threads = Threads()
        for work in (self._renew, self._watch):
            self._threads.start(work, work.__name__.strip("_"))

    @contextmanager
    def held(self, lease: Lease) -> Iterator[Lease]:
        """Keep a lease as long as the block lasts."""
        with self._lock:
            self._held.add(lease)
        try:
            yield lease
        finally:
            with self._lock:
                self._held.discard(lease)

    def all(self) -> list[Lease]:
        """Those that are held now."""
        with self._lock:
            return list(self._held)

    def is_empty_within(self, seconds: float) -> bool:
        """Wait so long until nothing is held."""
        end = time.monotonic() + seconds
        while held := self.all():
            if time.monotonic() >= end:
                return not held
            time.sleep(_TICK)
        return True

    def close(self) -> None:
        """Renew nothing more."""
        self._threads.close(_END_SECONDS)

    def _watch(self) -> None:
        """Apart from renewing, which may hang: nothing runs on beyond its lease."""
        while not self._threads.stop.wait(_TICK):
            for lease in self.all():
                if time.monotonic() > lease.until and not lease.lost.is_set():
                    log.warning("%s: could not renew the lease: ended", lease.what)
                    lease.end("lost")

    def _renew(self) -> None:
        while not self._threads.stop.wait(_TICK):
            for lease in self.all():
                if time.monotonic() >= lease.due and not lease.lost.is_set():
                    self._one(lease)

    def _one(self, lease: Lease) -> None:
        began = time.monotonic()
        try:
            is_to_stop = lease.renew(self._client)
        except RefusedError as e:
            if e.code in ("lease_lost", "not_found"):
                log.warning("%s: %s", lease.what, e)
                lease.end("lost")
            else:
                self._again(lease, e)
        except TemporaryError as e:
            self._again(lease, e)
        except Exception as e:
            log.exception("a lease could not be renewed, by a defect of Postroom")
            self._again(lease, e)
        else:
            lease.extend(began)
            if is_to_stop:
                lease.end("asked")

    @staticmethod
    def _again(lease: Lease, e: Exception) -> None:
        log.warning("%s: lease not renewed: %s", lease.what, reason(e))
        lease.due = time.monotonic() + lease.seconds * _AGAIN
