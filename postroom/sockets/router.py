"""The master's side of the providers' sockets: a bounded ROUTER that answers whom it can."""

import errno
import logging
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import zmq

from postroom import wire
from postroom.errors import SettingsError

from .keys import Guard, ServerKeys
from .options import tune

log = logging.getLogger(__name__)

#: The way back to a peer: its identity, what it put before the empty frame, and the empty frame.
Route = tuple[bytes, ...]
#: The identity, a REQ's correlation id, and one more for a proxy in between.
MAX_ENVELOPE = 4
MAX_LABEL = 255
Frames = Sequence[zmq.Frame]


class Message(NamedTuple):
    """Frames as they came; the bytes are not copied out of them."""

    route: Route
    frames: list[memoryview]


class Frontend:
    """A bound ROUTER socket. With keys, only clients with an allowed key get in."""

    def __init__(
        self, context: "zmq.Context[Any]", host: str, port: int, keys: ServerKeys | None = None
    ) -> None:
        self._guard = Guard(context, keys.clients) if keys else None
        self.socket = tune(context.socket(zmq.ROUTER))
        self.socket.router_mandatory = True
        self.socket.maxmsgsize = wire.MAX_MESSAGE
        # Per peer: one request in hand and one resent; what is beyond stays with the peer.
        self.socket.rcvhwm = 4
        self.socket.sndhwm = 100
        self.dropped = 0
        if keys:
            keys.apply(self.socket)
        self._bind(host, port)

    def _bind(self, host: str, port: int) -> None:
        try:
            self.socket.ipv6 = ":" in host
            self.socket.bind(f"tcp://{f'[{host}]' if ':' in host else host}:{port}")
        except zmq.ZMQError as e:
            self.close()
            if e.errno == errno.EADDRINUSE:
                raise OSError(e.errno, f"port {port} of {host} is taken") from e
            raise SettingsError(f"[master] host = {host}, port = {port}: {e}") from e

    @property
    def address(self) -> str:
        """Where it listens, with the real port when 0 was asked for."""
        return str(self.socket.last_endpoint.decode().rstrip("\0"))

    def receive(self, most: int = 100) -> Iterator[Message]:
        """Yield up to `most` waiting messages whose envelope is sound; the others are dropped."""
        for _ in range(most):
            try:
                frames = self.socket.recv_multipart(zmq.DONTWAIT, copy=False)
            except zmq.Again:
                return
            if message := _open(frames):
                yield message
            else:
                self._count_dropped(frames)

    def send(self, route: Route, frames: Sequence[bytes | memoryview]) -> bool:
        """Answer a peer; False when it is gone, which is its loss: it will ask again."""
        try:
            self.socket.send_multipart([*route, *frames], zmq.DONTWAIT)
        except zmq.ZMQError as e:
            if e.errno not in (errno.EHOSTUNREACH, errno.EAGAIN):
                raise
            log.info("a peer went away before its answer: %s", e)
            return False
        return True

    def look(self) -> None:
        """Take note of keys that came or went."""
        if self._guard:
            self._guard.look()

    def close(self, linger_ms: int = 0) -> None:
        """Close, with so much time for answers that are on their way."""
        self.socket.close(linger_ms)
        if self._guard:
            self._guard.close()

    def _count_dropped(self, frames: Frames) -> None:
        self.dropped += 1
        if doubled(self.dropped):
            sizes = [len(frame) for frame in frames[:8]]
            log.warning(
                "dropped a malformed message of %d frames (sizes %s), %d so far",
                len(frames),
                sizes,
                self.dropped,
            )


def doubled(count: int) -> bool:
    """Whether to log what happened so often: who floods the port must not flood the log."""
    return count & (count - 1) == 0


def _open(frames: Frames) -> Message | None:
    """Split off the way back; None when that is no sound envelope."""
    for at, frame in enumerate(frames[1 : MAX_ENVELOPE + 1], 1):
        if len(frame) > MAX_LABEL:
            return None
        if len(frame) == 0:
            route = tuple(label.bytes for label in frames[: at + 1])
            return Message(route, [memoryview(rest.buffer) for rest in frames[at + 1 :]])
    return None
