"""JSON goes out compressed to those who take it so."""

import gzip

from flask import Flask, Response, request

from .bodies import JSON, MSGPACK

#: Bytes below which it does not pay.
LEAST = 1_000
#: Most of the gain at a third of the cost of the highest level.
LEVEL = 5


def register(app: Flask) -> None:
    """Compress answers on their way out."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if response.mimetype not in (JSON, MSGPACK) or response.status_code == 304:
        return response
    response.vary.update(("Accept", "Accept-Encoding"))
    if response.mimetype != JSON or response.is_streamed:
        return response
    body = response.get_data()
    # Quality 0 is "not so"; who says nothing takes what comes, but gets it plain.
    if len(body) >= LEAST and request.accept_encodings.quality("gzip") > 0:
        response.set_data(gzip.compress(body, LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
