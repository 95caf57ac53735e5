"""/v1/pages: how the watched pages stand, and what monitors say through the master."""

from collections.abc import Sequence

import peewee
from flask import Blueprint, Response, current_app

from postroom import wire

from .. import tasks
from ..models import File, Page, Task, named
from ..rest import fields
from ..rest.asking import asked, asks
from ..rest.bodies import answer, body_as
from ..rest.contracts import Answer, contract, lists, shows
from ..rest.paging import cursor, limit, page
from ..rest.security import scope
from ..rest.watched import FileCounts
from ..rest.watched import Page as ShownPage
from ..sources.sourceshown import stands
from ..watching import files, links, pages, pulse

blueprint = Blueprint("pages", __name__, url_prefix="/v1/pages")


@blueprint.get("")
@lists(ShownPage)
def list_pages() -> Response:
    """All watched pages by name."""
    after, size = cursor(str), limit()
    rows = named.listed(Page, after)
    return answer(page(list(rows.limit(size + 1)), size, shown, lambda p: [p.name]))


@blueprint.get("/<name>")
@shows(ShownPage)
def one_page(name: str) -> Response:
    """One watched page."""
    return fields.one(shown([named.found(Page, name)])[0])


@blueprint.post("/<name>/check")
@asks()
def check(name: str) -> Response:
    """Ask the monitor to look now."""
    return asked(ask(name))


@blueprint.post("/<name>/links")
@scope("ingest")
@contract(answers=Answer(wire.LinksReply), body=wire.Links, given=("page", "cmd"))
def offer_links(name: str) -> Response:
    """Which links of a page are to be downloaded."""
    told = body_as(wire.Links, page=name, cmd="LINKS")
    return answer(links.answer(current_app.config["DATABASE"], told))


@blueprint.post("/<name>/files")
@scope("ingest")
@contract(
    answers=Answer(wire.FilesReply),
    body=wire.Files,
    given=("page", "cmd"),
    errors=("storage_mismatch",),
)
def take_files(name: str) -> Response:
    """What downloads came to, once their bytes are durable."""
    told = body_as(wire.Files, page=name, cmd="FILES")
    config = current_app.config
    return answer(files.take(config["DATABASE"], config["FILES"], told))


@blueprint.post("/<name>/looks")
@scope("ingest")
@contract(answers=Answer(wire.LookedReply), body=wire.Looked, given=("page", "cmd"))
def end_look(name: str) -> Response:
    """The end of a look at a page."""
    told = body_as(wire.Looked, page=name, cmd="LOOKED")
    return answer(pages.looked(current_app.config["DATABASE"], told))


@blueprint.post("/pulse")
@scope("ingest")
@contract(answers=Answer(wire.PulseReply), body=wire.Pulse, given=("cmd",))
def take_pulse() -> Response:
    """A monitor lives, and asks what is to be done."""
    told = body_as(wire.Pulse, cmd="PULSE")
    return answer(pulse.answer(current_app.config["DATABASE"], told))


def ask(name: str) -> Task:
    """Ask the monitor of a page to look at it."""
    url = named.found(Page, name).url
    with current_app.config["DATABASE"].writing():
        return tasks.ask("check", name, url=url)


def shown(part: Sequence[Page]) -> list[ShownPage]:
    """How they are shown."""
    counts = _counts(part)
    return [_page(each, counts.get(each.id, {})) for each in part]


def _counts(part: Sequence[Page]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    counted = (
        File.select(File.page_id, File.state, peewee.fn.COUNT(File.id))
        .where(File.page.in_([each.id for each in part]), File.current)
        .group_by(File.page, File.state)
    )
    for id_, state, count in counted.tuples():
        found.setdefault(id_, {})[state] = count
    return found


def _page(found: Page, counts: dict[str, int]) -> ShownPage:
    return ShownPage(
        **stands(found),
        url=found.url,
        looked=found.looked or None,
        next_look=found.next_look or None,
        links=found.links,
        files=FileCounts(**counts),
    )
