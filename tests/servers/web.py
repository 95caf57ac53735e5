"""A web server of few lines that does what a test tells it: cuts, drips, bombs, redirects, lies."""

import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Asked:
    """One request, and the way to answer it byte by byte."""

    def __init__(self, handler: "_Answers") -> None:
        self.path = handler.path
        self.headers: Message = handler.headers
        self._handler = handler
        #: Set when the server is to end.
        self.closing = handler.server.web.closing

    def send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        """A whole answer, whose Content-Length is right unless it is given."""
        self.head(status, {"Content-Length": str(len(body)), **headers})
        self.write(body)

    def head(self, status: int, headers: dict[str, str]) -> None:
        """Status line and headers."""
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()

    def write(self, body: bytes) -> None:
        """Some of the body, now."""
        self._handler.wfile.write(body)
        self._handler.wfile.flush()

    def cut(self) -> None:
        """Hang up after this answer."""
        self._handler.close_connection = True


Answering = Callable[[Asked], None]


@dataclass
class Resource:
    """A file as good servers serve it: validators, conditions, ranges; and with cuts."""

    body: bytes
    type: str = "application/pdf"
    etag: str = ""
    last_modified: str = ""
    ranges: bool = True
    #: Bytes of the body after which each answer is cut, one after another; then none is.
    cuts: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> None:
        given = {"Content-Type": self.type, "ETag": self.etag, "Last-Modified": self.last_modified}
        headers = {**{name: value for name, value in given.items() if value}, **self.headers}
        if self._is_known(asked):
            asked.send(304, headers)
            return
        start = self._start(asked)
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"
        body = self.body[start:]
        if self.cuts:
            asked.head(206 if start else 200, {"Content-Length": str(len(body)), **headers})
            asked.write(body[: self.cuts.pop(0)])
            asked.cut()
        else:
            asked.send(206 if start else 200, headers, body)

    def _is_known(self, asked: Asked) -> bool:
        if asked.headers["If-None-Match"]:
            return bool(self.etag) and asked.headers["If-None-Match"] == self.etag
        since = asked.headers["If-Modified-Since"]
        return bool(since) and since == self.last_modified

    def _start(self, asked: Asked) -> int:
        told, only_if = asked.headers["Range"], asked.headers["If-Range"]
        if not told or not self.ranges or only_if not in (None, self.etag, self.last_modified):
            return 0
        return int(told.removeprefix("bytes=").rstrip("-"))


class WebServer:
    """Listens on a free port of 127.0.0.1."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        #: By path, without the query.
        self.routes: dict[str, Answering] = {}
        #: What came: path with query, and headers.
        self.asked: list[Asked] = []
        #: Connections that were accepted.
        self.connections = 0
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Answers)
        self._server.web = self
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return self.at("127.0.0.1")

    def at(self, host: str) -> str:
        """The same by another name."""
        return f"{self._scheme}://{host}:{self.port}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, but for robots.txt."""
        return [asked.path for asked in self.asked if asked.path != "/robots.txt"]

    def serve(
        self, path: str, body: bytes | str, type_: str = "text/html; charset=utf-8", **more: str
    ) -> None:
        """Answer a path with a document; `more` are headers."""
        raw = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": type_} if type_ else {}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        self.routes[path] = lambda asked: asked.send(200, headers, raw)

    def say(self, path: str, *statuses: int, **more: str) -> None:
        """Answer a path with these statuses, one after another, and the last for ever."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        left = list(statuses)

        def answer(asked: Asked) -> None:
            asked.send(left.pop(0) if len(left) > 1 else left[0], headers)

        self.routes[path] = answer

    def then(self, path: str, *answers: Answering) -> None:
        """Answer a path differently each time, and by the last for ever."""
        left = list(answers)

        def answer(asked: Asked) -> None:
            now = left.pop(0) if len(left) > 1 else left[0]
            now(asked)

        self.routes[path] = answer

    def links(self, path: str, urls: Sequence[str]) -> None:
        """Serve a page with these links."""
        self.serve(path, "".join(f'<p><a href="{url}">{url}</a></p>' for url in urls))

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        """Send elsewhere who asks for that path."""
        self.routes[path] = lambda asked: asked.send(status, {"Location": location})

    def close(self) -> None:
        """End all answers."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    web: WebServer

    def process_request(self, request: Any, client_address: Any) -> None:
        self.web.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up is no news."""


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        web, asked = self.server.web, Asked(self)
        web.asked.append(asked)
        answer = web.routes.get(self.path.partition("?")[0])
        if answer:
            answer(asked)
        else:
            asked.send(404, {})

    def log_message(self, format: str, *args: Any) -> None:
        pass
