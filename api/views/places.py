"""/v1/mailboxes/.../places and .../deletions: what stands where, and what was deleted there."""

from typing import Literal

import peewee
from flask import Blueprint, Response, current_app, request

from postroom.errors import RefusedError

from ..models import Deletion, Folder, Mail, Mailbox, Place, named
from ..rest.answers import Deletions, ShownDeletion, ShownPlace
from ..rest.bodies import answer, body_as
from ..rest.contracts import Answer, Parameter, contract, lists
from ..rest.numbers import whole
from ..rest.paging import cursor, each, limit, page
from ..sources import deletions
from ..sources.folders import key_value

blueprint = Blueprint("places", __name__, url_prefix="/v1/mailboxes")
STATES = ("intended", "deleted", "kept", "unknown")
FOLDER = Parameter("folder", "This folder alone.")
UIDVALIDITY = Parameter("uidvalidity", "This numbering alone.", int, error="bad_number")
STATE = Parameter("state", "Deletions in this state alone.", Literal[STATES], error="bad_state")


@blueprint.get("/<name>/places")
@lists(ShownPlace, FOLDER, UIDVALIDITY, errors=("not_found",))
def list_places(name: str) -> Response:
    """Where the mails of the present account stand, by folder and key."""
    after, size = cursor(int, str, int), limit()
    folders = [folder.id for folder in _numberings(named.found(Mailbox, name))]
    by = (Place.folder, Place.key, Place.version)
    found = (
        Place.select(Place, Folder, Mail, Deletion)
        .join(Folder)
        .switch(Place)
        .join(Mail, peewee.JOIN.LEFT_OUTER)
        .switch(Place)
        .join(
            Deletion,
            peewee.JOIN.LEFT_OUTER,
            on=((Deletion.place == Place.id) & (Deletion.state == "deleted")),
            attr="deletion",
        )
        .where(Place.folder << folders)
        .order_by(*by)
    )
    if after:
        found = found.where(peewee.Tuple(*by) > after)
    rows = list(found.limit(size + 1))
    return answer(page(rows, size, each(_place), lambda p: [p.folder_id, p.key, p.version]))


def _numberings(mailbox: Mailbox) -> list[Folder]:
    """The latest generation of each numbering that the filters select."""
    found = Folder.select().where(Folder.mailbox == mailbox, Folder.epoch == mailbox.epoch)
    if folder := request.args.get("folder"):
        found = found.where(Folder.name == folder)
    if uidvalidity := request.args.get("uidvalidity"):
        number = whole(uidvalidity, 0, 2**63 - 1)
        if number is None:
            raise RefusedError("bad_number", f"uidvalidity is a number, not {uidvalidity[:40]!r}")
        found = found.where(Folder.uidvalidity == number)
    latest = {(each.name, each.uidvalidity): each for each in found.order_by(Folder.generation)}
    return list(latest.values())


def _place(place: Place) -> ShownPlace:
    mail, deletion = place.mail, getattr(place, "deletion", None)
    return ShownPlace(
        id=place.id,
        folder=place.folder.name,
        uidvalidity=place.folder.uidvalidity,
        key=key_value(place.key),
        version=place.version,
        state=place.state,
        verified=place.verified,
        server_size=place.server_size,
        mail=mail.id if mail else None,
        sha256=mail.sha256 if mail else "",
        size=mail.size if mail else 0,
        has_raw=bool(mail and mail.has_raw),
        header_sha256=mail.header_sha256 if mail else "",
        message_id=mail.message_id if mail else "",
        deleted_at_source=deletion.changed if deletion else "",
    )


@blueprint.get("/<name>/deletions")
@lists(ShownDeletion, STATE, errors=("not_found",))
def list_deletions(name: str) -> Response:
    """What was deleted at the source, or was to be, newest first."""
    after, size, state = cursor(int), limit(), request.args.get("state", "")
    if state and state not in STATES:
        raise RefusedError("bad_state", f"state is one of {', '.join(STATES)}, not {state!r}")
    mailbox = named.found(Mailbox, name)
    rows = deletions.newest(mailbox, state, after[0] if after else None, size + 1)
    return answer(page(rows, size, each(_deletion), lambda d: [d.id]))


@blueprint.post("/<name>/deletions")
@contract(
    answers=Answer(Deletions, 201),
    body=deletions.IntendBody,
    errors=("not_found", "other_account", "not_deletable"),
)
def intend(name: str) -> Response:
    """Note what is about to be deleted at the source, once it was proven to be stored."""
    told = body_as(deletions.IntendBody)
    db, storage = current_app.config["DATABASE"], current_app.config["STORAGE"]
    rows = deletions.intend(db, storage, named.found(Mailbox, name), told)
    return answer(Deletions(items=[_deletion(row) for row in rows]), 201)


@blueprint.post("/<name>/deletions/settle")
@contract(answers=Answer(Deletions), body=deletions.SettleBody, errors=("not_found",))
def settle(name: str) -> Response:
    """Note what became of it."""
    told = body_as(deletions.SettleBody)
    rows = deletions.settle(current_app.config["DATABASE"], named.found(Mailbox, name), told)
    return answer(Deletions(items=[_deletion(row) for row in rows]))


def _deletion(row: Deletion) -> ShownDeletion:
    return ShownDeletion(
        id=row.id,
        place=row.place_id,
        folder=row.place.folder.name,
        uidvalidity=row.place.folder.uidvalidity,
        key=key_value(row.place.key),
        mail=row.mail_id,
        sha256=row.mail.sha256,
        size=row.mail.size,
        state=row.state,
        proof=row.proof,
        reason=row.reason,
        created=row.created,
        changed=row.changed,
    )
