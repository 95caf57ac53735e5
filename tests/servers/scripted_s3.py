"""An S3 of few lines for what a good server cannot play: moods, and what it does not know."""

import hashlib
import ssl
import threading
from collections.abc import Mapping
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>{}</Message></Error>"
LISTED = b"<?xml version='1.0'?><ListMultipartUploadsResult/>"


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    name: str
    headers: Mapping[str, str]


class Mood(NamedTuple):
    """An answer that is given instead, to the next request of that method."""

    method: str
    status: int = 200
    code: str = ""
    headers: Mapping[str, str] = {}
    #: The object of a PUT is stored all the same.
    stored: bool = False
    #: So many bytes of an object are sent, then the connection breaks; of a PUT's answer none.
    cut: int | None = None


class ScriptedS3:
    """Keeps single objects in memory; listens on a free port of 127.0.0.1, for any keys."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.objects: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self.moods: list[Mood] = []
        #: Is If-None-Match obeyed?
        self.conditional = True
        #: Headers that make it refuse.
        self.unknown: set[str] = set()
        #: What it makes of the bytes that it stores.
        self.spoils = False
        #: Told as MD5s; AWS's are not when KMS encrypts.
        self.etags = True
        #: Answers wait for this.
        self.going = threading.Event()
        self.going.set()
        self._server = _Server(("127.0.0.1", 0), _Answers)
        self._server.s3 = self
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.endpoint = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """End, also for those who wait."""
        self.going.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def methods(self) -> list[str]:
        """What was asked, in order."""
        return [asked.method for asked in self.asked]

    def etag(self, body: bytes) -> str:
        """What it tells of an object."""
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return f'"{digest}"' if self.etags else '"of its own"'


class _Server(ThreadingHTTPServer):
    s3: ScriptedS3
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients break off; that is what some tests are about."""


class _Answers(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """The tests look at what was asked."""

    def do_GET(self) -> None:
        if urlsplit(self.path).query.startswith("uploads"):
            self._send(200, LISTED)
        elif not self._listened():
            self._object()

    do_HEAD = do_GET  # noqa: N815 - the name that Python's server calls

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        s3, name = self.server.s3, self._name()
        if self._listened(body):
            return
        if s3.unknown & {header.lower() for header in self.headers}:
            self._error(501, "NotImplemented")
        elif "If-None-Match" in self.headers and s3.conditional and name in s3.objects:
            self._error(412, "PreconditionFailed")
        else:
            self._store(body)
            self._send(200, headers={"ETag": s3.etag(s3.objects[name])})

    def do_POST(self) -> None:
        # Of all that is posted only the deletion of one object is known.
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._listened()
        self.server.s3.objects.pop(text.partition("<Key>")[2].partition("</Key>")[0], None)
        self._send(200, b"<?xml version='1.0'?><DeleteResult/>")

    def _listened(self, body: bytes = b"") -> Mood | None:
        """Note the request; if there is a mood for it, answer so."""
        s3 = self.server.s3
        s3.asked.append(Asked(self.command, self._name(), dict(self.headers)))
        s3.going.wait(20)
        for mood in s3.moods:
            if mood.method == self.command:
                s3.moods.remove(mood)
                if mood.stored:
                    self._store(body)
                if mood.cut is None:
                    self._error(mood.status, mood.code, mood.headers)
                elif self.command == "PUT":
                    self.close_connection = True
                else:
                    self._object(mood.cut)
                return mood
        return None

    def _store(self, body: bytes) -> None:
        self.server.s3.objects[self._name()] = body[::-1] if self.server.s3.spoils else body

    def _object(self, cut: int | None = None) -> None:
        s3 = self.server.s3
        body = s3.objects.get(self._name())
        if body is None:
            self._error(404, "NoSuchKey")
            return
        told = {"ETag": s3.etag(body), "Last-Modified": formatdate(usegmt=True)}
        first = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
        self._send(206 if first else 200, body[first:], told, cut)

    def _error(self, status: int, code: str, headers: Mapping[str, str] = {}) -> None:
        self._send(status, ERROR.format(code, "as the test wants it").encode(), headers)

    def _send(
        self,
        status: int,
        body: bytes = b"",
        headers: Mapping[str, str] = {},
        cut: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).partition("/")[2].partition("/")[2]
