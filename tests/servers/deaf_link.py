"""An HTTP link that carries requests and loses answers."""

import http.client
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.servers.ports import HOST

_PASSED = ("Content-Type", "Accept", "Authorization")


class DeafLink:
    """Leads to a port; `lost` says which answers, counted from 1, of a path never come back."""

    def __init__(self, port: int, lost: dict[str, set[int]]) -> None:
        self._target, self._lost = port, lost
        self._lock = threading.Lock()
        #: Requests so far, by the pattern of their paths.
        self.asked = dict.fromkeys(lost, 0)
        link = self

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                link._carry(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Request)
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _carry(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        far = http.client.HTTPConnection(HOST, self._target, timeout=30)
        try:
            far.request(request.command, request.path, body, {**headers, "Host": HOST})
            answer = far.getresponse()
            told = answer.read()
        except OSError:
            request.close_connection = True
            return
        finally:
            far.close()
        if self._is_lost(request.path):
            request.close_connection = True
            return
        request.send_response(answer.status)
        request.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        request.send_header("Content-Length", str(len(told)))
        request.end_headers()
        request.wfile.write(told)

    def _is_lost(self, path: str) -> bool:
        with self._lock:
            for pattern, numbers in self._lost.items():
                if re.fullmatch(pattern, path):
                    self.asked[pattern] += 1
                    return self.asked[pattern] in numbers
        return False
