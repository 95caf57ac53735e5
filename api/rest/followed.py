"""Each request has an id, its caller's or a new one: in its answer, and in every line of it."""

import logging
import time
from collections.abc import Iterable
from typing import Any

from flask import Flask

from postroom import following

log = logging.getLogger(__name__)

_GIVEN = f"HTTP_{following.HEADER.upper().replace('-', '_')}"


def register(app: Flask) -> None:
    """Put it around all else: what is refused has an id, too."""
    app.wsgi_app = Followed(app.wsgi_app)  # type: ignore[method-assign]


class Followed:
    """A WSGI application around another."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer with the id among the headers."""
        request = following.request_id(environ.get(_GIVEN, ""))
        answered = "no status"

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            nonlocal answered
            answered = status
            return start_response(status, [*headers, (following.HEADER, request)], *rest)

        began = time.perf_counter()
        with following.within(request=request):
            body: Iterable[bytes] = self._app(environ, start)
            _tell(environ, answered, time.perf_counter() - began)
        return body


def _tell(environ: dict[str, Any], status: str, seconds: float) -> None:
    """Daemons ask all the time: only what is refused stands in every log."""
    level = logging.DEBUG if status < "4" else logging.INFO
    # Never what follows the path: it may hold what somebody looks for.
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    log.log(level, "API: %s %.200s: %s, %.0f ms", method, path, status, seconds * 1000)
