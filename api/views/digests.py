"""/v1/digests: what was mailed of new files, and what could not be."""

import peewee
from flask import Blueprint, Response

from ..bodies import answer
from ..contracts import lists
from ..models import Digest, Page
from ..paging import cursor, each, limit, page
from ..watched import Digest as ShownDigest

blueprint = Blueprint("digests", __name__, url_prefix="/v1/digests")
#: All but the content, which is long.
_COLUMNS = [field for field in Digest._meta.sorted_fields if field is not Digest.content]


@blueprint.get("")
@lists(ShownDigest)
def list_digests() -> Response:
    """Digests, mailed and to be mailed, newest first."""
    after, size = cursor(int), limit()
    found = (
        Digest.select(*_COLUMNS, Page.id, Page.name)
        .join(Page, peewee.JOIN.LEFT_OUTER)
        .order_by(Digest.id.desc())
    )
    if after:
        found = found.where(Digest.id < after[0])
    return answer(page(list(found.limit(size + 1)), size, each(_shown), lambda d: [d.id]))


def _shown(row: Digest) -> ShownDigest:
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
