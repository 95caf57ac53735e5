"""One Lazy Pirate: a REQ socket that asks until it is answered, and never waits for the dead.

After the ZeroMQ guide, chapter 4; a reply is trusted only with REQ_CORRELATE, since with
REQ_RELAXED alone the answer to an older request would pass for that to the newer one.
"""

import logging
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import zmq

from .keys import ClientKeys
from .options import tune

log = logging.getLogger(__name__)

#: How soon a set stop event is seen.
TICK_MS = 200
#: The slowest link on which a large request is still waited for.
BYTES_PER_SECOND = 100_000

_LOST = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
_DENIED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_WATCHED = zmq.EVENT_HANDSHAKE_SUCCEEDED | _LOST | _DENIED


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait before the same is said again."""

    resend_seconds: float = 60.0
    reconnect_seconds: float = 7.5

    def reply_seconds(self, frames: Sequence[bytes]) -> float:
        """How long the answer to these frames may take on a link that stands."""
        return self.resend_seconds + sum(map(len, frames)) / BYTES_PER_SECOND


class Lane:
    """Used by one thread; `unreachable(denied)` is called at each new try to connect."""

    def __init__(
        self,
        context: "zmq.Context[Any]",
        address: str,
        patience: Patience,
        keys: ClientKeys | None,
        stopped: Callable[[], bool],
        unreachable: Callable[[bool], None],
    ) -> None:
        self._context = context
        self._address = address
        self._patience = patience
        self._keys = keys
        self._stopped = stopped
        self._unreachable = unreachable
        self._reachable = self._lost = self._denied = False
        self._open()

    def exchange(self, frames: Sequence[bytes]) -> list[bytes] | None:
        """Return the frames of the answer; None when told to stop before it came."""
        self.look()
        self._since = time.monotonic()
        self._send(frames)
        while not self._stopped():
            if self._poller.poll(TICK_MS) and self._socket.poll(0):
                answer: list[bytes] = self._socket.recv_multipart()
                return answer
            if self.look() or self._overdue(frames):
                self._send(frames)
        return None

    def look(self) -> bool:
        """Take note of what became of the connection; True if a new one follows a lost one."""
        again = False
        while self._monitor.poll(0):
            # zmq_socket_monitor(3): the event's number and its value, then the address. pyzmq reads
            # them too, but brings all of asyncio along.
            (event,) = struct.unpack_from("=H", self._monitor.recv_multipart()[0])
            if event & zmq.EVENT_HANDSHAKE_SUCCEEDED:
                again, self._lost = self._lost, False
                self._reachable, self._denied = True, False
            elif event & _DENIED:
                self._denied = True
            elif self._reachable:
                self._reachable, self._lost = False, True
                self._since = time.monotonic()
        return again

    def close(self) -> None:
        """Drop the connection and whatever was not sent."""
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)

    def _overdue(self, frames: Sequence[bytes]) -> bool:
        now = time.monotonic()
        if self._reachable:
            return now - self._sent >= self._patience.reply_seconds(frames)
        if now - self._since < self._patience.reconnect_seconds:
            return False
        self._unreachable(self._denied)
        self.close()
        self._open()
        return True

    def _open(self) -> None:
        self._socket = tune(self._context.socket(zmq.REQ))
        self._socket.req_relaxed = True
        self._socket.req_correlate = True
        if self._keys:
            self._keys.apply(self._socket)
        self._monitor = self._socket.get_monitor_socket(_WATCHED)
        self._monitor.linger = 0
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._reachable = self._lost = self._denied = False
        self._since = time.monotonic()
        self._socket.connect(self._address)

    def _send(self, frames: Sequence[bytes]) -> None:
        self._sent = time.monotonic()
        # A socket whose peer turned it away has nobody to send to, and would wait for ever; a new
        # one follows soon, as it does when nobody answers.
        with suppress(zmq.Again):
            self._socket.send_multipart(frames, zmq.DONTWAIT, copy=False)
