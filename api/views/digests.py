"""/v1/digests: what was mailed of new files, and what could not be."""

from flask import Blueprint, Response, current_app, request

from ..models import Digest
from ..rest.asking import asked, asks
from ..rest.bodies import answer
from ..rest.contracts import lists
from ..rest.paging import cursor, each, limit, page
from ..rest.watched import Digest as ShownDigest
from ..watching import digestlist, digests

blueprint = Blueprint("digests", __name__, url_prefix="/v1/digests")


@blueprint.get("")
@lists(ShownDigest, *digestlist.FILTERS)
def list_digests() -> Response:
    """Digests, mailed and to be mailed, newest first."""
    after, size = cursor(int), limit()
    found = digestlist.selected(request.args)
    if after:
        found = found.where(Digest.id < after[0])
    return answer(page(list(found.limit(size + 1)), size, each(shown), lambda d: [d.id]))


@blueprint.post("/<int:id_>/retry")
@asks("not_due")
def retry(id_: int) -> Response:
    """Ask the monitor to mail a digest now."""
    return asked(digests.retry(current_app.config["DATABASE"], id_))


def shown(row: Digest) -> ShownDigest:
    """How it is shown."""
    return ShownDigest(
        id=row.id,
        page=row.page.name if row.page_id else None,
        slot=row.slot,
        message_id=row.message_id,
        state=row.state,
        files=row.files,
        attempts=row.attempts,
        error=row.error,
        next_try=row.next_try or None,
        sent_at=row.sent_at or None,
        created=row.created,
        changed=row.changed,
    )
