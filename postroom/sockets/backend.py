"""The front's line to its workers: ROUTER and DEALER over a socket file that only we can reach."""

import errno
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import zmq

Buffers = Sequence[bytes | memoryview]


class Backend:
    """The front's end; workers are told apart by the name that they connect with."""

    def __init__(self, context: "zmq.Context[Any]") -> None:
        # Short: the path of a socket file is at most 107 bytes (unix(7)); mkdtemp makes it 0700.
        self._folder = Path(tempfile.mkdtemp(prefix="postroom-"))
        self.address = f"ipc://{self._folder}/w"
        self.socket: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.router_mandatory = True
        self.socket.bind(self.address)

    def receive(self) -> Iterator[tuple[str, list[bytes]]]:
        """Yield what workers say: (name, frames)."""
        while True:
            try:
                name, *frames = self.socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            yield name.decode(), frames

    def send(self, name: str, frames: Buffers) -> bool:
        """Hand work to a worker, uncopied; False when it is gone."""
        try:
            self.socket.send_multipart([name.encode(), *frames], zmq.DONTWAIT, copy=False)
        except zmq.ZMQError as e:
            if e.errno not in (errno.EHOSTUNREACH, errno.EAGAIN):
                raise
            return False
        return True

    def close(self) -> None:
        """Close and remove the socket file."""
        self.socket.close(0)
        shutil.rmtree(self._folder, ignore_errors=True)


class Desk:
    """A worker's end."""

    def __init__(self, address: str, name: str) -> None:
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        self._socket.linger = 1_000
        self._socket.routing_id = name.encode()
        self._socket.connect(address)

    def receive(self) -> list[memoryview]:
        """Wait for work; the bytes stay in the frames."""
        return [memoryview(f.buffer) for f in self._socket.recv_multipart(copy=False)]

    def send(self, frames: Buffers) -> None:
        """Tell the front."""
        self._socket.send_multipart(frames)

    def close(self) -> None:
        """Close when what was said has gone out."""
        self._socket.close()
        self._context.term()
