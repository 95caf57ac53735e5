"""How due runs come to a runner: one seam; the rows of the API are its first implementation."""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from postroom.backoff import Backoff, reason
from postroom.errors import PostroomError
from postroom.runs import ClaimedRun, ClaimRuns

from .pace import Pace
from .shared import Shared
from .threads import Threads

log = logging.getLogger(__name__)

#: Seconds that what a runner gives back at its end may take to be told.
END_SECONDS = 4.0


class Taken(NamedTuple):
    """A run that this runner has."""

    run: ClaimedRun
    #: The moment before it was asked for: from then on its lease counts.
    began: float


#: What one would do next, asked for with the word of the end; None: nothing.
Next = Callable[[], ClaimRuns | None]


class Carry(Protocol):
    """Does a run to its end, and may bring the next one. Never raises."""

    def __call__(self, taken: Taken, following: Next = lambda: None) -> Taken | None:
        """Do it."""


class Dispatch(Protocol):
    """Gives runs to `carry`, so many at a time, until `shared.stop`."""

    def start(self) -> None:
        """From now on."""

    def close(self) -> None:
        """When nothing is under way any more."""


class Wish:
    """What one worker asks for: under one name until it is given something.

    So an answer that is lost costs no run: asked again, the API gives the same.
    """

    def __init__(self, shared: Shared, run: int | None = None) -> None:
        self._shared, self._run = shared, run
        self._name = secrets.token_hex(16)

    def asked(self) -> ClaimRuns:
        """What the API is asked."""
        shared = self._shared
        return ClaimRuns(
            worker=shared.worker,
            lease_seconds=shared.options.lease_seconds,
            run=self._run,
            claim=self._name,
        )

    def following(self) -> ClaimRuns | None:
        """The same with the end of a run; a runner that ends asks for nothing more."""
        return None if self._shared.stop.is_set() else self.asked()

    def was_given(self) -> None:
        """The answer was heard."""
        self._name = secrets.token_hex(16)


class Rows:
    """Asks the API for runs that are due."""

    def __init__(self, shared: Shared, carry: Carry) -> None:
        self._shared, self._carry = shared, carry
        self._pace = Pace(shared.options.poll_seconds)
        self._threads = Threads(shared.stop)
        #: One asks at a time, so that many idle workers are no load.
        self._asking = threading.Lock()

    def start(self) -> None:
        """See Dispatch."""
        for number in range(1, self._shared.options.workers + 1):
            self._threads.start(self._work, f"worker-{number}")

    def close(self) -> None:
        """See Dispatch: what was given to us and not begun goes to others."""
        self._threads.close(END_SECONDS)

    def _work(self) -> None:
        wish = Wish(self._shared)
        while not self._shared.stop.is_set():
            with self._asking:
                taken = self._next(wish)
            while taken:
                wish.was_given()
                taken = self._carry(taken, wish.following)

    def _next(self, wish: Wish) -> Taken | None:
        """Wait for a run; None when told to stop."""
        backoff = Backoff()
        shared = self._shared
        while not shared.stop.is_set():
            began = time.monotonic()
            try:
                claimed = shared.client.claim_runs(wish.asked())
            except Exception as e:
                pause = backoff.pause(e)
                unforeseen = None if isinstance(e, PostroomError) else e
                log.warning(
                    "no runs: %s; asking again in %.0f s", reason(e), pause, exc_info=unforeseen
                )
                shared.stop.wait(pause)
                continue
            backoff.reset()
            self._pace.had(bool(claimed))
            if claimed:
                return Taken(claimed[0], began)
            shared.stop.wait(self._pace.seconds)
        return None
