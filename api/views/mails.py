"""/v1/mails: what is stored, newest first, and the bytes it came from."""

from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, current_app, request

from postroom.errors import ObjectMissingError, RefusedError
from postroom.parts import part_bytes
from postroom.storage import Storage

from .. import hits, query, ranking
from ..bodies import answer
from ..folders import key_value
from ..models import Attachment, Folder, Mail, Mailbox, Place
from ..paging import cursor, limit, page

blueprint = Blueprint("mails", __name__, url_prefix="/v1/mails")
CHUNK = 256 * 1024
#: What a stranger wrote is saved, never run or guessed at.
UNTRUSTED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@blueprint.get("")
def list_mails() -> Response:
    """Mails that the filters select, newest or best first."""
    tree = query.asked(request.args)
    body = _best() if query.by_rank(request.args) else _newest()
    if tree is not None:
        found = hits.of([item["id"] for item in body["items"]], tree)
        body["items"] = [{**item, "snippets": found.get(item["id"], {})} for item in body["items"]]
    return answer(body)


def _newest() -> dict[str, Any]:
    after, size = cursor(str, int), limit()
    found = query.mails(request.args)
    if after:
        date, id_ = after
        found = found.where((Mail.date < date) | ((Mail.date == date) & (Mail.id < id_)))
    rows = list(found.limit(size + 1))
    return page(rows, size, summary, lambda m: [m.date, m.id])


def _best() -> dict[str, Any]:
    after, size = cursor(float, int, int), limit()
    found = query.mails(request.args)
    place = ranking.Place(*after) if after else None
    ranked = ranking.best(found, query.wanted(request.args), place, size + 1)
    return page(ranked, size, lambda one: summary(one[0]), lambda one: list(one[1]))


def summary(mail: Mail) -> dict[str, Any]:
    """A mail as lists have it."""
    return {
        "id": mail.id,
        "sha256": mail.sha256,
        "size": mail.size,
        "state": mail.state,
        "date": mail.date,
        "subject": mail.subject,
        "from": [mail.from_name, mail.from_address],
        "message_id": mail.message_id,
        "attachments": mail.attachment_count,
        "defects": mail.defects,
        "thread_id": mail.thread_id,
    }


@blueprint.get("/<int:id_>")
def one_mail(id_: int) -> Response:
    """All that was read from one mail, and where it lies."""
    mail = _found(id_)
    attachments = Attachment.select().where(Attachment.mail == mail).order_by(Attachment.number)
    return answer(
        {
            **summary(mail),
            **mail.record,
            "text": mail.text,
            "html": mail.html,
            "headers": mail.headers,
            "has_raw": mail.has_raw,
            "created": mail.created,
            "attachments": [_attachment(each) for each in attachments],
            "places": _places(mail),
        }
    )


def _places(mail: Mail) -> list[dict[str, Any]]:
    places = (
        Place.select(Place, Folder, Mailbox)
        .join(Folder)
        .join(Mailbox)
        .where(Place.mail == mail)
        .order_by(Place.id)
    )
    return [
        {
            "mailbox": place.folder.mailbox.name,
            "epoch": place.folder.epoch,
            "folder": place.folder.name,
            "uidvalidity": place.folder.uidvalidity,
            "key": key_value(place.key),
            "version": place.version,
            "state": place.state,
            "verified": place.verified,
        }
        for place in places
    ]


def _attachment(each: Attachment) -> dict[str, Any]:
    return {
        "number": each.number,
        "name": each.name,
        "type": each.type,
        "content_id": each.content_id,
        "inline": each.inline,
        "size": each.size,
        "sha256": each.sha256,
        "part": each.part,
    }


@blueprint.get("/<int:id_>/raw")
def raw_mail(id_: int) -> Response:
    """The mail byte for byte as the server gave it."""
    mail = _found(id_)
    stream = _open(mail)
    headers = {
        **UNTRUSTED,
        "Content-Length": str(mail.size),
        "Content-Disposition": f'attachment; filename="{mail.sha256[:16]}.eml"',
    }
    chunks = iter(lambda: stream.read(CHUNK), b"")
    return Response(chunks, headers=headers, content_type="message/rfc822")


@blueprint.get("/<int:id_>/attachments/<int:number>")
def one_attachment(id_: int, number: int) -> Response:
    """An attachment's bytes, read out of the raw mail."""
    mail = _found(id_)
    found = Attachment.get_or_none(Attachment.mail == mail, Attachment.number == number)
    if found is None:
        raise RefusedError("not_found", f"mail {id_} has no attachment {number}")
    with _open(mail) as stream:
        content = part_bytes(stream.read(), found.part)
    name = quote(found.name or f"attachment-{number}", safe="")
    headers = {**UNTRUSTED, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(content, headers=headers, content_type="application/octet-stream")


def _found(id_: int) -> Mail:
    mail: Mail | None = Mail.select(Mail, query.THREAD).where(Mail.id == id_).get_or_none()
    if mail is None:
        raise RefusedError("not_found", f"there is no mail {id_}")
    return mail


def _open(mail: Mail) -> Any:
    if not mail.has_raw:
        raise RefusedError("no_raw", f"mail {mail.id} came without its raw bytes")
    storage: Storage = current_app.config["STORAGE"]
    try:
        return storage.open_read(mail.sha256)
    except ObjectMissingError as e:
        raise RefusedError(
            "no_raw", f"the raw bytes of mail {mail.id} are lost; they are fetched again"
        ) from e
