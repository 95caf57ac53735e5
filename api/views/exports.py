"""/v1/mails.jsonl, .csv and .mbox: all that a filter selects, as one file."""

import threading
from collections.abc import Iterator
from itertools import chain

from flask import Blueprint, Response, current_app, request

from postroom.errors import TemporaryError

from ..mails import export, query, table
from ..models import Mail
from ..rest import fields
from ..rest.answers import WholeMail
from ..rest.contracts import Answer, contract, fields_of
from ..rest.problems import guarded

blueprint = Blueprint("exports", __name__, url_prefix="/v1")
LINES, TABLE, MBOX = "application/x-ndjson", "text/csv", "application/mbox"
HEADERS = ("Postroom-Mails", "Content-Disposition")
AGAIN_SECONDS = 5.0


@blueprint.get("/mails.jsonl")
@contract(
    *query.FILTERS,
    answers=Answer(media=(LINES,), headers=HEADERS, line=WholeMail),
    fields=fields_of(WholeMail),
)
def export_lines() -> Response:
    """All that was read from the mails that the filters select, one JSON a line."""
    names = fields.asked()
    found = export.select(request.args)
    return _sent(found, export.lines(found, names), LINES, "jsonl")


@blueprint.get("/mails.csv")
@contract(
    *query.FILTERS, answers=Answer(media=(TABLE,), headers=HEADERS), fields=tuple(table.COLUMNS)
)
def export_table() -> Response:
    """The mails that the filters select as a table, one line a mail."""
    names = fields.asked()
    found = export.select(request.args)
    return _sent(found, export.rows(found, names), f"{TABLE}; charset=utf-8", "csv")


@blueprint.get("/mails.mbox")
@contract(
    *query.FILTERS,
    answers=Answer(media=(MBOX,), headers=(*HEADERS, "Postroom-Left-Out")),
    errors=("no_raw",),
)
def export_mbox() -> Response:
    """The raw mails that the filters select, in one mbox file."""
    found = export.select(request.args, Mail.has_raw)
    left_out = len(export.select(request.args, ~Mail.has_raw))
    response = _sent(found, export.messages(found, current_app.config["STORAGE"]), MBOX, "mbox")
    response.headers["Postroom-Left-Out"] = str(left_out)
    return response


def _sent(found: export.Ids, pieces: Iterator[bytes], kind: str, ending: str) -> Response:
    headers = {
        "Postroom-Mails": str(len(found)),
        "Content-Disposition": f'attachment; filename="mails.{ending}"',
        "X-Content-Type-Options": "nosniff",
    }
    turn = Turn()
    body = turn.over(export.together(pieces))
    response = Response(headers=headers, content_type=kind)
    response.call_on_close(turn.end)
    # What fails before the first bytes are sent is told in an answer of its own.
    first = next(body)
    response.response = guarded(chain([first], body))
    return response


class Turns:
    """So many exports at a time: each holds a thread until its reader has all."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.free = threading.BoundedSemaphore(most)


class Turn:
    """One of the few exports at a time; it ends once, with the last byte or the connection."""

    def __init__(self) -> None:
        self._turns: Turns = current_app.config["EXPORTS"]
        if not self._turns.free.acquire(blocking=False):
            text = f"{self._turns.most} exports are under way: come again when one has ended"
            raise TemporaryError(text, AGAIN_SECONDS)
        self._ended = False

    def over(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, and the end of the turn after the last or a failure."""
        try:
            yield from pieces
        finally:
            self.end()

    def end(self) -> None:
        """Let the next one in."""
        if not self._ended:
            self._ended = True
            self._turns.free.release()
