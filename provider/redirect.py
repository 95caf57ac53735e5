"""The end of a login in a browser: its redirect to this machine, heard or pasted."""

import hmac
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from postroom.errors import RefusedError

LOOPBACK = "127.0.0.1"
#: Seconds that one visitor may take to say what he wants.
VISIT = 5.0
#: Visits without an answer: browsers ask for icons, too.
MOST_VISITS = 50
_PAGE = (
    '<!doctype html><meta charset="utf-8"><title>Postroom</title>'
    "<p>{text} You may close this page.</p>"
)


def code_of(url: str, state: str) -> str:
    """The code that a redirect brings; RefusedError if it is not the answer to our question."""
    answer = parse_qs(urlsplit(url).query, max_num_fields=50)
    told = {name: values[0] for name, values in answer.items()}
    # First: without it, anybody could end our login, or slip another's account under it.
    if not hmac.compare_digest(told.get("state", "").encode(), state.encode()):
        raise RefusedError("state", "the answer does not belong to this login: begin again")
    if "error" in told:
        code = told["error"] if told["error"].replace("_", "").isalpha() else "error"
        raise RefusedError(code[:60], f"the login was refused ({code[:60]})")
    if not told.get("code"):
        raise RefusedError("no_code", "the answer has no code in it: begin again")
    return told["code"]


class Listener:
    """Hears one redirect on 127.0.0.1; use it in a `with`."""

    def __init__(self, port: int = 0) -> None:
        self._server = _Server((LOOPBACK, port), _Visit)
        self.port: int = self._server.server_address[1]

    def wait(self, judge: Callable[[str], str], seconds: float) -> str:
        """What `judge` makes of the first redirect; RefusedError if none comes in time."""
        self._server.judge = judge
        end = time.monotonic() + seconds
        for _ in range(MOST_VISITS):
            self._server.timeout = max(0.0, end - time.monotonic())
            self._server.handle_request()
            if self._server.refused:
                raise self._server.refused
            if self._server.found:
                return self._server.found
            if time.monotonic() >= end:
                break
        raise RefusedError("timeout", "nobody logged in in time: begin again")

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()


class _Server(HTTPServer):
    judge: Callable[[str], str]
    found = ""
    refused: RefusedError | None = None


class _Visit(BaseHTTPRequestHandler):
    server: _Server
    timeout: ClassVar[float] = VISIT

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path != "/" or not parts.query:
            self.send_error(404)
            return
        try:
            self.server.found = self.server.judge(self.path)
        except RefusedError as e:
            self.server.refused = e
            self._say(400, "That did not work: the terminal says why.")
        else:
            self._say(200, "Postroom has the answer.")

    def _say(self, status: int, text: str) -> None:
        page = _PAGE.format(text=text).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'")
        # The address bar holds the code.
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Nothing: the line would hold the code."""
