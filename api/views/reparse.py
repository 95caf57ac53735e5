"""/v1/mails/unparsed and /v1/mails/reparsed: everything stored, read by a new parser."""

import msgspec
from flask import Blueprint, Response, current_app, request

from postroom.errors import RefusedError

from ..mails import reparse
from ..rest.answers import Reparsed, Unparsed
from ..rest.bodies import MSGPACK, answer
from ..rest.contracts import LIMIT, Answer, Parameter, contract
from ..rest.numbers import whole
from ..rest.paging import limit
from ..rest.security import scope

blueprint = Blueprint("reparse", __name__, url_prefix="/v1/mails")
_PACKED = msgspec.msgpack.Decoder(reparse.ReparsedBody)
_JSON = msgspec.json.Decoder(reparse.ReparsedBody)


@blueprint.get("/unparsed")
@scope("ingest")
@contract(
    Parameter("version", "That of your parser.", int, error="bad_version", required=True),
    LIMIT,
    answers=Answer(Unparsed),
)
def list_unparsed() -> Response:
    """Mails that another version of the parser read."""
    text = request.args.get("version", "")
    version = whole(text, 1, 2**31 - 1)
    if version is None:
        raise RefusedError("bad_version", f"version must be a positive number, not {text[:40]!r}")
    return answer(reparse.unparsed(version, limit()))


@blueprint.post("/reparsed")
@scope("ingest")
@contract(answers=Answer(Reparsed), body=reparse.ReparsedBody)
def take_reparsed() -> Response:
    """Take the records that a version of the parser made."""
    told = _body()
    statuses = reparse.take(
        current_app.config["DATABASE"], current_app.config["STORAGE"], told.version, told.mails
    )
    items = [
        {"id": one.id, "status": status} for one, status in zip(told.mails, statuses, strict=True)
    ]
    return answer({"items": items})


def _body() -> reparse.ReparsedBody:
    """Decode straight into its types, as large as it may be."""
    decoder = _PACKED if request.mimetype == MSGPACK else _JSON
    if request.mimetype not in (MSGPACK, "application/json"):
        raise RefusedError("unsupported_type", f"send application/json or {MSGPACK}")
    try:
        return decoder.decode(request.get_data())
    except (msgspec.MsgspecError, ValueError, RecursionError) as e:
        raise RefusedError("bad_body", str(e)) from e
