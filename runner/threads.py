"""Threads that end with what they work for."""

import threading
import time
from collections.abc import Callable


class Threads:
    """Those of one owner, who lets each look at `stop` and ends them by `close`."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        #: Set when they are to end; by others as well, where it is not their own.
        self.stop = stop or threading.Event()
        self._started: list[threading.Thread] = []

    def start(self, work: Callable[[], object], name: str) -> None:
        """Begin; a process that ends without `close` is not held up."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._started.append(thread)
        thread.start()

    def close(self, seconds: float) -> None:
        """Tell them, and wait for all of them together no longer than that."""
        self.stop.set()
        end = time.monotonic() + seconds
        for thread in self._started:
            thread.join(max(0.0, end - time.monotonic()))
