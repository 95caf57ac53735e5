"""/v1/mailboxes: how the sources stand, and what providers ask through the master."""

from flask import Blueprint, Response, current_app

from postroom import wire
from postroom.errors import RefusedError

from .. import tasks
from ..models import Folder, Mailbox, Receipt, Task, named
from ..rest import fields
from ..rest.answers import Mailbox as ShownMailbox
from ..rest.answers import PassReceipt
from ..rest.asking import asked, asks
from ..rest.bodies import answer, body_as
from ..rest.contracts import Answer, contract, lists, shows
from ..rest.paging import cursor, each, limit, page
from ..rest.security import scope
from ..sources import offers, silence, standing
from ..sources.receipts import COUNTS
from ..sources.sourceshown import stands

blueprint = Blueprint("mailboxes", __name__, url_prefix="/v1/mailboxes")


class HelloBody(wire.Hello, frozen=True, kw_only=True, tag="HELLO"):
    """A source's HELLO as the master hands it on."""

    #: The id of the store that the master keeps raw mails in.
    storage: str


@blueprint.get("")
@lists(ShownMailbox)
def list_mailboxes() -> Response:
    """All mailboxes by name."""
    after, size = cursor(str), limit()
    found = named.listed(Mailbox, after)
    return answer(page(list(found.limit(size + 1)), size, each(shown), lambda m: [m.name]))


@blueprint.get("/<name>")
@shows(ShownMailbox)
def one_mailbox(name: str) -> Response:
    """One mailbox."""
    return fields.one(shown(named.found(Mailbox, name)))


@blueprint.get("/<name>/receipts")
@lists(PassReceipt)
def list_receipts(name: str) -> Response:
    """The receipts of a mailbox, newest first."""
    after, size = cursor(int), limit()
    found = (
        Receipt.select(Receipt, Folder)
        .join(Folder)
        .where(Folder.mailbox == named.found(Mailbox, name), Receipt.complete)
        .order_by(Receipt.id.desc())
    )
    if after:
        found = found.where(Receipt.id < after[0])
    return answer(page(list(found.limit(size + 1)), size, each(_receipt), lambda r: [r.id]))


@blueprint.post("/<name>/hello")
@scope("ingest")
@contract(
    answers=Answer(wire.HelloReply),
    body=HelloBody,
    given=("mailbox", "cmd"),
    errors=("storage_mismatch",),
)
def hello(name: str) -> Response:
    """A source presents itself through a master."""
    told = body_as(HelloBody, mailbox=name, cmd="HELLO")
    own, theirs = current_app.config["STORAGE"].id, told.storage
    if theirs != own:
        raise RefusedError(
            "storage_mismatch",
            f"the master keeps raw mails in the store {theirs}, the API reads from {own}: both "
            "must use the same [storage]; SQLite and directory stores serve one host only",
        )
    return answer(standing.hello(current_app.config["DATABASE"], told, own))


@blueprint.post("/<name>/offers")
@scope("ingest")
@contract(
    answers=Answer(wire.OfferReply),
    body=wire.Offer,
    given=("mailbox", "cmd"),
    errors=("unknown_mailbox",),
)
def offer(name: str) -> Response:
    """What is wanted of one window of a source's listing."""
    told = body_as(wire.Offer, mailbox=name, cmd="OFFER")
    return answer(offers.answer(current_app.config["DATABASE"], told))


@blueprint.post("/<name>/passes")
@scope("ingest")
@contract(
    answers=Answer(wire.PassReply),
    body=wire.Pass,
    given=("mailbox", "cmd"),
    errors=("unknown_mailbox",),
)
def finish_pass(name: str) -> Response:
    """A window of a finished pass, or a waiting source's sign of life."""
    told = body_as(wire.Pass, mailbox=name, cmd="PASS")
    return answer(standing.finish(current_app.config["DATABASE"], told))


@blueprint.post("/<name>/sync")
@asks()
def sync(name: str) -> Response:
    """Ask the provider to look now."""
    return asked(ask("sync", name))


@blueprint.post("/<name>/verify")
@asks()
def verify(name: str) -> Response:
    """Ask the provider to connect, log in and list anew, and to say what it found."""
    return asked(ask("verify", name))


def ask(kind: str, name: str) -> Task:
    """Ask the provider of a mailbox for something."""
    named.found(Mailbox, name)
    with current_app.config["DATABASE"].writing():
        return tasks.ask(kind, name)


def shown(mailbox: Mailbox) -> ShownMailbox:
    """How it is shown."""
    last = (
        Receipt.select(Receipt, Folder)
        .join(Folder)
        .where(Folder.mailbox == mailbox, Receipt.complete)
        .order_by(Receipt.id.desc())
        .first()
    )
    return ShownMailbox(
        **stands(mailbox),
        kind=mailbox.kind,
        epoch=mailbox.epoch,
        last_number=mailbox.last_number,
        lag=silence.lag(mailbox),
        next_try=mailbox.next_try or None,
        last_receipt=_receipt(last) if last else None,
    )


def _receipt(receipt: Receipt) -> PassReceipt:
    return PassReceipt(
        id=receipt.id,
        folder=receipt.folder.name,
        uidvalidity=receipt.folder.uidvalidity,
        **{name: getattr(receipt, name) for name in COUNTS},
        missing_keys=receipt.missing_keys,
        server_exists=receipt.server_exists,
        took=receipt.took,
        created=receipt.changed,
    )
