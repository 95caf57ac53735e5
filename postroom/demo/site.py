"""The page that the demo watches: files appear on it, and one changes under its name.

Beside it are the pages that two of the example scripts read.
"""

import hashlib
import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from postroom.demo import boards, files

HOST = "127.0.0.1"
#: Where the example scripts look, if they are not told otherwise.
PORT = 8090
PRICES = "prices.csv"
BOARDS = {"/currency.html": boards.currency, "/weather.html": boards.weather}


class Site:
    """A web server of this machine, on its usual port or, where that is taken, on a free one."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._server = _opened()
        self._server.site = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="demo-site", daemon=True
        )
        self._versions = 0
        self.change()
        self.add()

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self._server.server_address[1]}/"

    def start(self) -> Self:
        """Answer from now on."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self) -> str:
        """Put one more file on the page; its name."""
        number = len(self._files)
        name = f"report-{number}.pdf"
        self._files = {**self._files, name: files.pdf(f"Report {number}")}
        return name

    def change(self) -> str:
        """Put other bytes under a name that is there already; the name."""
        self._versions += 1
        self._files = {**self._files, PRICES: files.table(self._versions)}
        return PRICES

    def content(self, path: str) -> tuple[str, bytes] | None:
        """Media type and bytes of what stands at a path; None for what is not there."""
        if path == "/":
            return "text/html; charset=utf-8", self._page()
        if board := BOARDS.get(path):
            return "text/html; charset=utf-8", board()
        found = self._files.get(path.removeprefix("/files/"))
        if found is None:
            return None
        return "text/csv" if path.endswith("csv") else "application/pdf", found

    def _page(self) -> bytes:
        links = (f'<li><a href="files/{escape(name)}">{escape(name)}</a>' for name in self._files)
        title = "Reports and prices"
        return (
            f"<!DOCTYPE html><title>{title}</title><h1>{title}</h1><ul>{''.join(links)}</ul>\n"
        ).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A second demo takes another port, rather than share this one.
    allow_reuse_port = False
    site: Site


def _opened() -> _Server:
    try:
        return _Server((HOST, PORT), _Answers)
    except OSError:
        return _Server((HOST, 0), _Answers)


class _Answers(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = self.server.site.content(self.path)
        if found is None:
            self.send_error(404)
            return
        kind, content = found
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if self.headers["If-None-Match"] == tag:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """The monitor tells what it does; that is enough."""
