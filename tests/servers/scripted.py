"""What the scripted servers have in common: a port, connections, and what was said on them."""

import re
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.servers.ports import HOST


class Scripted:
    """Accepts connections, each in a thread of its own; whoever inherits says what is said."""

    host = HOST

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.connections = 0
        self.ended = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []

    def serve(self, peer: socket.socket) -> None:
        """Talk to one client until it goes."""
        raise NotImplementedError

    def start(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def close(self) -> None:
        self.ended.set()
        for s in [self._listener, *self._open]:
            with suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def said(self, pattern: str) -> list[str]:
        """The commands that match."""
        return [command for command in list(self.commands) if re.search(pattern, command)]

    def _accept(self) -> None:
        while not self.ended.is_set():
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(peer)
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()
