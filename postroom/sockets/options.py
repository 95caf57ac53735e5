"""What every socket of ours is set to."""

from typing import TypeVar

import zmq

S = TypeVar("S", bound="zmq.Socket[bytes]")

HEARTBEAT_MS = 10_000
#: PONG waits behind a frame under way: 8 MB at 100 kB/s take 80 s.
SILENCE_MS = 90_000


def tune(socket: S) -> S:
    """Never wait for the dead: no linger, heartbeats both ways."""
    socket.linger = 0
    socket.heartbeat_ivl = HEARTBEAT_MS
    socket.heartbeat_timeout = SILENCE_MS
    socket.heartbeat_ttl = SILENCE_MS
    return socket
