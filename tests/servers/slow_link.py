"""A TCP link of a given speed and length between a client and a server."""

import queue
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.servers.ports import HOST

CHUNK = 64 * 1024
#: Chunks that are on their way in one direction.
ON_THE_WAY = 256


class SlowLink:
    """Forwards connections to a port, each way at so many bytes a second (0: as they come)."""

    def __init__(
        self, port: int, bytes_per_second: int = 0, round_trip_seconds: float = 0.0
    ) -> None:
        self._target = port
        self._speed = bytes_per_second
        self._delay = round_trip_seconds / 2
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        #: Bytes that went through.
        self.carried = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._listener.close()

    def cut(self) -> None:
        """End all connections; new ones are taken."""
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((HOST, self._target))
            except OSError:
                near.close()
                continue
            for sock in (near, far):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.append(sock)
            for one, other in ((near, far), (far, near)):
                self._join(one, other)

    def _join(self, source: socket.socket, target: socket.socket) -> None:
        way: queue.Queue[tuple[float, bytes]] = queue.Queue(ON_THE_WAY)
        threading.Thread(target=self._take, args=(source, way), daemon=True).start()
        threading.Thread(target=self._give, args=(way, source, target), daemon=True).start()

    def _take(self, source: socket.socket, way: "queue.Queue[tuple[float, bytes]]") -> None:
        data = b"."
        while data:
            try:
                data = source.recv(CHUNK)
            except OSError:
                data = b""
            if self._speed:
                time.sleep(len(data) / self._speed)
            way.put((time.monotonic() + self._delay, data))

    def _give(
        self,
        way: "queue.Queue[tuple[float, bytes]]",
        source: socket.socket,
        target: socket.socket,
    ) -> None:
        ended = False
        while True:
            due, data = way.get()
            if not data:
                break
            time.sleep(max(0.0, due - time.monotonic()))
            # What comes after the end is read all the same, so that nobody waits to give it.
            if not ended:
                try:
                    target.sendall(data)
                except OSError:
                    ended = True
            self.carried += len(data)
        for sock in (source, target):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
