"""A receiver of webhooks: keeps what comes, and answers as it is told."""

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

HOST = "127.0.0.1"


class Got(NamedTuple):
    """One request."""

    event: int
    attempt: int
    headers: dict[str, str]
    body: bytes


class Receiver:
    """`answer` gives the status and headers for a request; it may wait as it likes.

    With `tls` it is to be called `localhost`.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.got: list[Got] = []
        self.ended = threading.Event()
        self.answer: Callable[[Got], tuple[int, dict[str, str]]] = lambda _: (204, {})
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                number = int(self.headers["Postroom-Event"])
                attempt = int(self.headers["Postroom-Attempt"])
                got = Got(number, attempt, dict(self.headers), body)
                receiver.got.append(got)
                status, headers = receiver.answer(got)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers and status != 204:
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        scheme, name = ("https", "localhost") if tls else ("http", HOST)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{scheme}://{name}:{self._server.server_port}/hook?key=hidden-in-the-address"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def hang(self, _: Got) -> tuple[int, dict[str, str]]:
        """Says nothing until the end of the test."""
        self.ended.wait()
        return 204, {}

    @property
    def events(self) -> list[int]:
        """What came, in order."""
        return [got.event for got in self.got]

    def close(self) -> None:
        """End it."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
