"""/v1/files: what pages link to, every version of it, and its bytes."""

from typing import Any, BinaryIO
from urllib.parse import quote

import peewee
from flask import Blueprint, Response, current_app, request

from postroom.errors import ObjectMissingError, RefusedError

from .. import tasks
from ..models import File, Page, Task, now
from ..objects import damage, kept
from ..rest import fields, ranges
from ..rest.asking import asked, asks
from ..rest.bodies import answer
from ..rest.contracts import RANGED, Answer, content, contract, lists, shows
from ..rest.paging import cursor, each, limit, page
from ..rest.watched import File as ShownFile
from ..watching import filelist, files
from .mails import UNTRUSTED

blueprint = Blueprint("files", __name__, url_prefix="/v1/files")
#: How long a link to the storage itself is good, in seconds.
PRESIGNED = 300
ELSEWHERE = Answer(status=302, headers=("Location",), about="The storage gives it out itself.")


@blueprint.get("")
@lists(ShownFile, *filelist.FILTERS)
def list_files() -> Response:
    """Files that the filters select, newest first."""
    return _listed(filelist.selected(request.args))


def _listed(selected: Any) -> Response:
    after, size = cursor(str, int), limit()
    rows = list(filelist.below(selected, after).limit(size + 1))
    return answer(page(rows, size, each(shown), lambda f: [f.created, f.id]))


@blueprint.get("/<int:id_>")
@shows(ShownFile)
def one_file(id_: int) -> Response:
    """One version of a file."""
    return fields.one(shown(found(id_)))


@blueprint.get("/<int:id_>/versions")
@lists(ShownFile, errors=("not_found",))
def list_versions(id_: int) -> Response:
    """All versions of a file, newest first."""
    return _listed(filelist.versions(found(id_)))


@blueprint.get("/<int:id_>/content")
@contract(
    *RANGED,
    answers=(*content("application/octet-stream"), ELSEWHERE),
    errors=("not_stored", "object_missing"),
)
def file_content(id_: int) -> Response:
    """A file's bytes, from here or by a link to the storage."""
    row = found(id_)
    if row.state != "stored":
        raise RefusedError("not_stored", f"file {id_} is not stored: it is {row.state}")
    if url := _presigned(row):
        return Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})
    name = quote(row.filename, safe="")
    return ranges.send(
        row.size,
        row.version,
        lambda start, length: _open(row, start, length),
        {**UNTRUSTED, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
        "application/octet-stream",
    )


def _presigned(row: Any) -> str | None:
    store = current_app.config["FILES"]
    presigned = getattr(store, "presigned", None)
    if not current_app.config["PRESIGNED"] or presigned is None:
        return None
    if not store.exists([row.key]):
        raise _lost(row)
    url: str | None = presigned(row.key, row.filename, row.type, PRESIGNED)
    return url


def _open(row: Any, start: int, length: int) -> BinaryIO:
    try:
        stream: BinaryIO = current_app.config["FILES"].open_read(row.key, start, length)
    except ObjectMissingError as e:
        raise _lost(row) from e
    return stream


def _lost(row: Any) -> RefusedError:
    """What is not where it should be is wanted again, at once."""
    config = current_app.config
    damage.missed(config["DATABASE"], config["FILES"], kept.FILES, [row.key])
    return RefusedError(
        "object_missing",
        f"the bytes of file {row.id} are gone from the storage; "
        + ("they are downloaded again" if row.current else "and the page has others by now"),
    )


@blueprint.post("/<int:id_>/retry")
@asks()
def retry(id_: int) -> Response:
    """Ask the monitor to download it again, now."""
    return asked(ask(id_))


def ask(id_: int) -> Task:
    """Ask the monitor of its page to download a file again."""
    row = found(id_)
    with current_app.config["DATABASE"].writing():
        # Should the task come to nothing, the row itself is due.
        # What was purged is wanted again as what it never had.
        state = peewee.Case(File.state, [("purged", "found")], File.state)
        File.update(state=state, next_try="", next_check=now(), changed=now()).where(
            File.id == id_
        ).execute()
        name, url = row.page.name, row.page.url
        return tasks.ask("download", name, _target(row), file=row.id, url=url)


def last_asked(row: Any) -> Task | None:
    """The newest task that somebody asked for a file with; None if nobody did."""
    own = Task.select().where(Task.kind == "download", Task.source == row.page.name)
    found: Task | None = own.where(Task.target == _target(row)).order_by(Task.id.desc()).first()
    return found


def _target(row: Any) -> dict[str, Any]:
    return {"file": row.id, "url": row.download_url}


def found(id_: int) -> Any:
    """The row of a file with its page; RefusedError when there is none."""
    row = (
        File.select(File, Page.id, Page.name, Page.url)
        .join(Page)
        .where(File.id == id_)
        .get_or_none()
    )
    if row is None:
        raise RefusedError("not_found", f"there is no file {id_}")
    return row


def shown(row: Any) -> ShownFile:
    """How it is shown."""
    is_known = row.state in files.KNOWN
    return ShownFile(
        id=row.id,
        filename=row.filename,
        download_url=row.download_url,
        storage_url=row.storage_url,
        page=row.page.name,
        version=row.version,
        current=row.current,
        state=row.state,
        size=row.size,
        type=row.type,
        text=row.text,
        attempts=row.attempts,
        error=row.error,
        next_try=None if is_known or not row.current else row.next_try or row.changed,
        next_check=row.next_check if is_known and row.current else None,
        news=row.news,
        digest=row.digest_id,
        created=row.created,
        changed=row.changed,
    )
