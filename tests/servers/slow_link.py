"""A TCP link of a given speed between a client and a server."""

import socket
import threading
import time
from types import TracebackType
from typing import Self

from tests.servers.ports import HOST

CHUNK = 64 * 1024


class SlowLink:
    """Forwards connections to a port, each way at so many bytes a second."""

    def __init__(self, port: int, bytes_per_second: int) -> None:
        self._target = port
        self._speed = bytes_per_second
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        #: Bytes that went through.
        self.carried = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection((HOST, self._target))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(CHUNK):
                target.sendall(data)
                self.carried += len(data)
                time.sleep(len(data) / self._speed)
        except OSError:
            pass
        finally:
            source.close()
            target.close()
