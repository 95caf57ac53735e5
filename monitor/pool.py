"""A bounded number of threads, for all that a monitor waits for."""

import logging
import queue
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

Work = Callable[[], None]


class Pool:
    """First come, first served.

    Not concurrent.futures: the end of the process would wait for a download that hangs.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)
            for number in range(1, threads + 1)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Work) -> None:
        """Let a thread do it, when one is free."""
        self._queue.put(work)

    def close(self, seconds: float) -> None:
        """Wait so long for what is under way; call it when nothing is submitted any more."""
        for _ in self._threads:
            self._queue.put(None)
        share = seconds / len(self._threads)
        for thread in self._threads:
            thread.join(share)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            except Exception:
                # The thread must live: there is other work.
                log.exception("something failed for a reason that is a defect of Postroom")
