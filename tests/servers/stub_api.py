"""An API of few lines that keeps the contract with the master, and can be told to be difficult."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from postroom import wire


class StubApi:
    """Listens on a free port of 127.0.0.1; keeps what it is given in `mails`, by key."""

    def __init__(self, port: int = 0) -> None:
        self.mails: dict[Any, dict[str, Any]] = {}
        #: Sizes of the batches that came, refused ones too.
        self.batches: list[int] = []
        self.probes = 0
        #: Given a batch: the status and problem code to answer it with, or None.
        self.refuse: Callable[[list[dict[str, Any]]], tuple[int, str] | None] = lambda mails: None
        #: Answers wait for this.
        self.going = threading.Event()
        self.going.set()
        self._server = _Server(("127.0.0.1", port), _Answers)
        self._server.api = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.going.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, mails: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self._take(mail) for mail in mails]

    def _take(self, mail: dict[str, Any]) -> dict[str, Any]:
        held = self.mails.get(mail["key"])
        self.mails[mail["key"]] = {**mail, "came": time.monotonic()}
        if held and held.get("sha256") == mail.get("sha256"):
            return {"status": "duplicate"}
        return {"status": mail.get("outcome") or "stored", "reason": mail.get("reason", "")}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: StubApi


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Two small writes with Nagle and delayed ACK would cost 40 ms a request.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        api = self.server.api
        api.probes += 1
        self._say(200, {})

    def do_POST(self) -> None:
        api = self.server.api
        body = wire.unpack(
            self.rfile.read(int(self.headers["Content-Length"])), longest=10**8, most=10**5
        )
        api.going.wait(60)
        if self.path != "/api":
            self._say(200, _simple(self.path))
            return
        api.batches.append(len(body))
        if refusal := api.refuse(body):
            status, code = refusal
            self._say(status, {"code": code, "detail": code})
        else:
            self._say(200, {"items": api.take(body)})

    def _say(self, status: int, value: Any) -> None:
        packed = wire.pack(value) if status < 400 else json.dumps(value).encode()
        kind = "application/msgpack" if status < 400 else "application/problem+json"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _simple(path: str) -> dict[str, Any]:
    if path.endswith("/hello"):
        return {"epoch": 1, "storage": "stub"}
    return {}
