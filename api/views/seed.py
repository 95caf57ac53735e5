"""/api: the seed's two routes, which the master uses as well."""

import time
from collections.abc import Sequence

from flask import Blueprint, Response, current_app, request

from postroom.errors import RefusedError
from postroom.storage import Storage

from .. import measured
from ..deliveries import MAX_MAILS, Delivery, read_all
from ..mails import ingest
from ..models import Folder, Mailbox
from ..rest.answers import FolderUid, LastUids, MailboxUids, Taken
from ..rest.asked import PlainMail
from ..rest.bodies import MSGPACK, answer, body
from ..rest.contracts import Answer, ListOf, Parameter, contract
from ..rest.numbers import whole
from ..rest.security import scope

blueprint = Blueprint("seed", __name__)


@blueprint.get("/api")
@contract(
    Parameter("mailbox", "Only this mailbox."),
    Parameter("folder", "Only folders of this name."),
    answers=Answer(LastUids),
    errors=("not_found",),
)
def last_uid() -> Response:
    """The highest UID held, a hint; 0 where several mailboxes have one each."""
    mailbox, folder = request.args.get("mailbox"), request.args.get("folder")
    mailboxes = _mailboxes(mailbox, folder)
    if mailbox is not None and not mailboxes:
        raise RefusedError("not_found", f"there is no mailbox {mailbox!r}")
    only = next(iter(mailboxes.values())) if len(mailboxes) == 1 else None
    return answer(LastUids(UID=only.UID if only else 0, mailboxes=mailboxes))


def _mailboxes(name: str | None, folder: str | None) -> dict[str, MailboxUids]:
    found = Mailbox.select().order_by(Mailbox.name)
    if name is not None:
        found = found.where(Mailbox.name == name)
    return {mailbox.name: _mailbox(mailbox, folder) for mailbox in found}


def _mailbox(mailbox: Mailbox, folder: str | None) -> MailboxUids:
    found = Folder.select().where(Folder.mailbox == mailbox, Folder.epoch == mailbox.epoch)
    if folder is not None:
        found = found.where(Folder.name == folder)
    # In the order of opening: the last numbering of a name is the one in force.
    folders = {
        each.name: FolderUid(UID=each.last_number, uidvalidity=each.uidvalidity)
        for each in found.order_by(Folder.id)
    }
    return MailboxUids(UID=max((f.UID for f in folders.values()), default=0), folders=folders)


@blueprint.post("/api")
@scope("ingest")
@contract(
    Parameter("Postroom-Storage", "The store that holds the raw bytes.", place="header"),
    Parameter("Postroom-Batch", "Its commit that holds them.", place="header"),
    answers=Answer(Taken),
    body=ListOf((PlainMail, Delivery), MAX_MAILS),
    errors=("storage_mismatch", "unknown_mailbox"),
)
def take_mails() -> Response:
    """Take a list of mails; answers for each, in order."""
    mails = _packed_batch() or body()
    if not isinstance(mails, list) or len(mails) > MAX_MAILS:
        raise RefusedError("bad_body", f"send a list of at most {MAX_MAILS} mails")
    store = request.headers.get("Postroom-Storage", "")
    if store not in ("", _storage().id):
        raise RefusedError(
            "storage_mismatch",
            f"the raw mails are in the store {store}, the API reads from {_storage().id}",
        )
    told = request.headers.get("Postroom-Batch", "0")
    began = time.perf_counter()
    answers = ingest.ingest(
        current_app.config["DATABASE"],
        mails,
        _storage(),
        store,
        whole(told, 0, 2**63 - 1) or 0,
    )
    measured.took(answers, time.perf_counter() - began)
    return answer({"items": [each.shown() for each in answers]})


def _packed_batch() -> Sequence[Delivery] | None:
    """What a master sends, by the quick way; all else is read with care, mail by mail."""
    return read_all(request.get_data()) if request.mimetype == MSGPACK else None


def _storage() -> Storage:
    storage: Storage = current_app.config["STORAGE"]
    return storage
