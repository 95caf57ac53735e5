"""/v1/mails: what is stored, newest first, and the bytes it came from."""

import hashlib
from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO
from urllib.parse import quote

from flask import Blueprint, Response, current_app, request

from postroom.errors import RefusedError
from postroom.parts import part_bytes

from ..mails import maillist, query, ranking, shown
from ..mails.raws import demand, open_raw
from ..models import Attachment, Mail
from ..rest import fields, ranges
from ..rest.answers import FoundMail, Page, WholeMail
from ..rest.bodies import answer
from ..rest.contracts import RANGED, content, contract, lists, shows
from ..rest.paging import cursor, limit, page

blueprint = Blueprint("mails", __name__, url_prefix="/v1/mails")
#: What a stranger wrote is saved, never run or guessed at.
UNTRUSTED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@blueprint.get("")
@lists(FoundMail, *query.FILTERS, query.SORT)
def list_mails() -> Response:
    """Mails that the filters select, newest or best first."""
    return answer(_best() if query.by_rank(request.args) else _newest())


def _newest() -> Page[FoundMail]:
    after, size = cursor(str, int), limit()
    tree = query.asked(request.args)
    rows = maillist.newest(request.args, after, size + 1)
    return page(rows, size, lambda part: shown.found(part, tree), lambda m: [m.date, m.id])


def _best() -> Page[FoundMail]:
    after, size = cursor(float, int, int), limit()
    tree = query.wanted(request.args)
    rows = maillist.best(request.args, after, size + 1)

    def show(part: Sequence[ranking.Ranked]) -> list[FoundMail]:
        return shown.found([mail for mail, _ in part], tree)

    return page(rows, size, show, lambda one: list(one[1]))


@blueprint.get("/<int:id_>")
@shows(WholeMail)
def one_mail(id_: int) -> Response:
    """All that was read from one mail, and where it lies."""
    mail = maillist.one(id_)
    return fields.one(shown.whole(mail, shown.attachments_of([mail]), shown.places_of([mail])))


@blueprint.get("/<int:id_>/raw")
@contract(*RANGED, answers=content("message/rfc822"), errors=("no_raw",))
def raw_mail(id_: int) -> Response:
    """The mail byte for byte as the server gave it."""
    mail = maillist.one(id_)
    demand(mail)
    name = f'attachment; filename="{mail.sha256[:16]}.eml"'
    return ranges.send(
        mail.size,
        mail.sha256,
        lambda start, length: _open(mail, start, length),
        {**UNTRUSTED, "Content-Disposition": name},
        "message/rfc822",
    )


@blueprint.get("/<int:id_>/attachments/<int:number>")
@contract(*RANGED, answers=content("application/octet-stream"), errors=("no_raw",))
def one_attachment(id_: int, number: int) -> Response:
    """An attachment's bytes, read out of the raw mail."""
    mail = maillist.one(id_)
    found = Attachment.get_or_none(Attachment.mail == mail, Attachment.number == number)
    if found is None:
        raise RefusedError("not_found", f"mail {id_} has no attachment {number}")
    with _open(mail) as stream:
        whole = part_bytes(stream.read(), found.part)
    name = quote(found.name or f"attachment-{number}", safe="")
    return ranges.send(
        len(whole),
        # Not the one of the row: who gave the record may have told anything.
        hashlib.sha256(whole).hexdigest(),
        lambda start, length: BytesIO(whole[start : start + length]),
        {**UNTRUSTED, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
        "application/octet-stream",
    )


def _open(mail: Mail, start: int = 0, length: int | None = None) -> BinaryIO:
    return open_raw(current_app.config["STORAGE"], mail, start, length)
