"""The master's two sides in one context, waited for together."""

from typing import Any

import zmq

from .backend import Backend
from .keys import ServerKeys
from .router import Frontend


class Hub:
    """A frontend for the peers, a backend for the workers."""

    def __init__(self, host: str, port: int, keys: ServerKeys | None = None) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        try:
            self.frontend = Frontend(self._context, host, port, keys)
        except BaseException:
            self._context.term()
            raise
        self.backend = Backend(self._context)

    def wait(self, timeout_ms: int, *sides: Frontend | Backend) -> None:
        """Return when one of the sides has something to read, or after the time."""
        poller = zmq.Poller()
        for side in sides:
            poller.register(side.socket, zmq.POLLIN)
        poller.poll(timeout_ms)

    def close(self, linger_ms: int = 0) -> None:
        """Close both, with so much time for answers that are on their way."""
        self.backend.close()
        self.frontend.close(linger_ms)
        self._context.term()
