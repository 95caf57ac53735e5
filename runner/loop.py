"""The runner: takes due runs, makes new ones due, goes through replays, ends in order."""

import logging

from postroom.runner_client import RunnerClient
from postroom.settings import Config

from .clerk import Clerk
from .courier import Courier
from .dispatch import END_SECONDS
from .letters import Letters
from .queues import dispatch
from .replaying import Replaying
from .shared import Shared, queue
from .threads import Threads
from .working import Working

log = logging.getLogger(__name__)


class Loop:
    """Made once; `run` until the stop event."""

    def __init__(self, config: Config, shared: Shared) -> None:
        options = shared.options
        self._shared = shared
        self._clerk = Clerk(
            RunnerClient(shared.url, shared.token),
            config.path_of(options.scripts),
            options.poll_seconds,
            shared.stop,
        )
        self._replaying = Replaying(shared)
        self._courier = Courier(config, shared)
        self._letters = Letters(config, shared)
        self._threads = Threads(shared.stop)
        self._dispatch = dispatch(queue(config), shared, Working(shared).carry)

    def run(self) -> bool:
        """Whether all went well."""
        shared = self._shared
        log.info(
            "running scripts, %d at a time, isolation %s, API %s",
            shared.options.workers,
            shared.workshop.isolation.name,
            shared.url,
        )
        for work, name in ((self._clerk.run, "clerk"), (self._replaying.run, "replay")):
            self._threads.start(work, name)
        self._dispatch.start()
        self._courier.start()
        self._letters.start()
        shared.stop.wait()
        self._clerk.wake()
        self._drain()
        return not shared.broken.is_set()

    def _drain(self) -> None:
        """Let short runs end; the others are for another runner."""
        leases = self._shared.leases
        if held := leases.all():
            log.info("waiting for %s", ", ".join(lease.what for lease in held))
        if not leases.is_empty_within(self._shared.options.drain_seconds):
            for lease in leases.all():
                lease.end("returned")
            leases.is_empty_within(END_SECONDS)
        self._dispatch.close()
        self._threads.close(END_SECONDS)
