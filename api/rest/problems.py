"""Errors as RFC 9457 problem documents with a stable code."""

import logging
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from postroom import following
from postroom.errors import PostroomError, RefusedError, TemporaryError, WireError
from postroom.storage import StorageBrokenError

from ..database import end_process

log = logging.getLogger(__name__)

#: Statuses of the codes that are not plain bad requests.
STATUSES = {
    "not_found": 404,
    "no_raw": 404,
    "not_stored": 404,
    "object_missing": 404,
    "unknown_mailbox": 409,
    "storage_mismatch": 409,
    "superseded": 409,
    "no_output": 404,
    "lease_lost": 409,
    "name_taken": 409,
    "of_folder": 409,
    "key_reused": 409,
    "not_over": 409,
    "not_due": 409,
    "webhook_disabled": 409,
    "own_token": 409,
    "bad_offset": 409,
    "other_account": 409,
    "not_deletable": 409,
    "unauthorized": 401,
    "forbidden": 403,
    "bad_host": 403,
    "bad_origin": 403,
    "bad_csrf": 403,
    "cursor_expired": 410,
    "unsupported_type": 415,
    "too_large": 413,
    "bad_range": 416,
    "internal_error": 500,
    "try_later": 503,
}
#: Headers that come with the problems of a status.
HEADERS = {401: ("WWW-Authenticate",), 416: ("Content-Range",), 503: ("Retry-After",)}

#: Codes of the errors that Flask raises by itself.
CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_type"}


def status_of(code: str) -> int:
    """The status that a code comes with."""
    return STATUSES.get(code, 400)


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """A problem document."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return Response(
        msgspec.json.encode(body), status, headers, content_type="application/problem+json"
    )


def register(app: Flask) -> None:
    """Let every error of the views become a problem document."""
    app.register_error_handler(RefusedError, _refused)
    app.register_error_handler(TemporaryError, _temporary)
    app.register_error_handler(OverflowError, _overflow)
    app.register_error_handler(WireError, lambda e: problem(400, "bad_body", str(e)))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(PostroomError, _failed)
    app.register_error_handler(Exception, _failed)


def _refused(e: RefusedError) -> Response:
    status = status_of(e.code)
    headers = {"WWW-Authenticate": 'Bearer realm="postroom"'} if status == 401 else None
    return problem(status, e.code, str(e), headers)


def _temporary(e: TemporaryError) -> Response:
    return problem(503, "try_later", str(e), {"Retry-After": str(max(1, round(e.after)))})


def _overflow(_e: OverflowError) -> Response:
    return problem(400, "bad_number", "a number or time in the request is out of all bounds")


def _http(e: HTTPException) -> Response:
    status = e.code or 500
    if status < 400:
        raise e
    phrase = HTTPStatus(status).phrase
    headers = {k: v for k, v in e.get_headers() if k in ("Allow", "Retry-After")}
    # Python's phrases change from version to version, these codes do not.
    code = CODES.get(status, phrase.lower().replace(" ", "_"))
    return problem(status, code, e.description or phrase, headers)


def _failed(e: Exception) -> Response:
    if isinstance(e, StorageBrokenError):
        end_process("the object store", e)
    # The text may hold what should not leave this machine: it goes to the log alone.
    log.error("a request failed", exc_info=e)
    at = following.ids().get("request", "")
    return problem(500, "internal_error", f"The API failed here; its log says why, at {at}.")


def guarded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A body on its way out: what fails in its middle breaks the connection off, and is logged.

    Nothing that was cut off may look like the end.
    """
    try:
        yield from chunks
    except StorageBrokenError as e:
        end_process("the object store", e)
