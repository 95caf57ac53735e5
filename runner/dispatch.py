"""How due runs come to a runner: one seam; the rows of the API are its first implementation."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from postroom.backoff import Backoff, reason
from postroom.errors import PostroomError
from postroom.runs import ClaimedRun, ClaimRuns

from .pace import Pace
from .shared import Shared

log = logging.getLogger(__name__)

#: Does a claimed run to its end; with the moment before it was asked for. Never raises.
Carry = Callable[[ClaimedRun, float], None]


class Dispatch(Protocol):
    """Gives runs to `carry`, so many at a time, until `shared.stop`."""

    def start(self) -> None:
        """From now on."""

    def close(self) -> None:
        """When nothing is under way any more."""


class Rows:
    """Asks the API for runs that are due."""

    def __init__(self, shared: Shared, carry: Carry) -> None:
        self._shared, self._carry = shared, carry
        self._pace = Pace(shared.options.poll_seconds)
        #: One asks at a time, so that many idle workers are no load.
        self._asking = threading.Lock()

    def start(self) -> None:
        """See Dispatch."""
        for number in range(1, self._shared.options.workers + 1):
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True).start()

    def close(self) -> None:
        """See Dispatch."""

    def _work(self) -> None:
        while not self._shared.stop.is_set():
            with self._asking:
                taken = self._next()
            if taken:
                self._carry(*taken)

    def _next(self) -> tuple[ClaimedRun, float] | None:
        """Wait for a run; None when told to stop."""
        backoff = Backoff()
        shared = self._shared
        asked = ClaimRuns(worker=shared.worker, lease_seconds=shared.options.lease_seconds)
        while not shared.stop.is_set():
            began = time.monotonic()
            try:
                claimed = shared.client.claim_runs(asked)
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
                return claimed[0], began
            shared.stop.wait(self._pace.seconds)
        return None
