"""An SMTP server of few lines, for what no real one says."""

import socket
import ssl
import threading
from contextlib import suppress
from typing import Self

from tests.servers.ports import HOST


class ScriptedSmtp:
    """Answers 250 to all, but for what `says` has; the other attributes are the faults."""

    host = HOST

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.greeting = b"220 smtp.example\r\n"
        #: By the first word of a command; a command without an answer gets none, ever.
        self.says: dict[str, bytes] = {
            "EHLO": b"250-smtp.example\r\n250 STARTTLS\r\n",
            "STARTTLS": b"220 go on\r\n",
            "DATA": b"354 go on\r\n",
            "QUIT": b"221 bye\r\n",
        }
        self.commands: list[str] = []
        #: After its greeting, a byte now and then, and never a line.
        self.trickles = False
        self._tls = tls
        self._ended = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for s in [self._listener, *self._open]:
            with suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError):
            client.sendall(self.greeting)
            while self.trickles and not self._ended.wait(0.05):
                client.sendall(b"2")
            self._converse(client)

    def _converse(self, client: socket.socket) -> None:
        in_mail = False
        with client, client.makefile("rb") as file:
            for line in file:
                if in_mail:
                    in_mail = line != b".\r\n"
                    command = "" if in_mail else "."
                else:
                    command = line.split()[0].decode("latin-1").upper()
                    self.commands.append(command)
                if command:
                    client.sendall(self.says.get(command, b"250 fine\r\n"))
                in_mail = in_mail or command == "DATA"
                if command == "STARTTLS" and self._tls:
                    self._converse(self._tls.wrap_socket(client, server_side=True))
                    break
