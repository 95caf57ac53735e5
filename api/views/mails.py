"""/v1/mails: what is stored, newest first, and the bytes it came from."""

import hashlib
from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO
from urllib.parse import quote

from flask import Blueprint, Response, current_app, request

from postroom.errors import RefusedError
from postroom.parts import part_bytes

from .. import fields, query, ranges, ranking, shown
from ..answers import FoundMail, Page, WholeMail
from ..bodies import answer
from ..contracts import RANGED, content, contract, lists, shows
from ..models import Attachment, Mail
from ..paging import cursor, limit, page
from ..raws import demand, open_raw

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
    tree, found = query.asked(request.args), query.mails(request.args)
    if after:
        date, id_ = after
        found = found.where((Mail.date < date) | ((Mail.date == date) & (Mail.id < id_)))
    rows = list(found.limit(size + 1))
    return page(rows, size, lambda part: shown.found(part, tree), lambda m: [m.date, m.id])


def _best() -> Page[FoundMail]:
    after, size = cursor(float, int, int), limit()
    tree, found = query.wanted(request.args), query.mails(request.args)
    rows = ranking.best(found, tree, ranking.Place(*after) if after else None, size + 1)

    def show(part: Sequence[ranking.Ranked]) -> list[FoundMail]:
        return shown.found([mail for mail, _ in part], tree)

    return page(rows, size, show, lambda one: list(one[1]))


@blueprint.get("/<int:id_>")
@shows(WholeMail)
def one_mail(id_: int) -> Response:
    """All that was read from one mail, and where it lies."""
    mail = _found(id_)
    return fields.one(shown.whole(mail, shown.attachments_of([mail]), shown.places_of([mail])))


@blueprint.get("/<int:id_>/raw")
@contract(*RANGED, answers=content("message/rfc822"), errors=("no_raw",))
def raw_mail(id_: int) -> Response:
    """The mail byte for byte as the server gave it."""
    mail = _found(id_)
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
    mail = _found(id_)
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


def _found(id_: int) -> Mail:
    mail: Mail | None = Mail.select(*shown.WHOLE).where(Mail.id == id_).get_or_none()
    if mail is None:
        raise RefusedError("not_found", f"there is no mail {id_}")
    if mail.state == "purged":
        raise RefusedError("not_found", f"mail {id_} is not kept any longer: its time was over")
    return mail


def _open(mail: Mail, start: int = 0, length: int | None = None) -> BinaryIO:
    return open_raw(current_app.config["STORAGE"], mail, start, length)
