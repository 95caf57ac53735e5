"""Mails: found by a query and its filters, newest or best first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import peewee
from flask import Blueprint, Response, make_response, redirect, request, url_for

from postroom.errors import RefusedError

from ..mails import maillist, query, ranking
from ..mails import shown as shapes
from ..models import Folder, Mail, Mailbox
from ..rest.answers import FoundMail
from ..rest.paging import cursor
from ..rest.security import page
from ..search.querylang import parse
from ..search.querytree import Node, looked_for
from ..search.queryvalues import HAS
from ..search.snippets import Piece
from . import mailquery
from .forms import Form, shown
from .listing import SIZE, Part, part
from .strings import t

blueprint = Blueprint("mail_pages", __name__, url_prefix="/mails")
#: Names that a filter offers.
MOST = 500
#: Characters of a text that a list shows where no word was looked for.
PREVIEW = 200
#: A list that is there to begin with, and as an export.
EXPORTS = (("exports.export_mbox", "mbox"), ("exports.export_table", "CSV"),
           ("exports.export_lines", "JSON"))  # fmt: skip

#: What the query language understands, by examples; the words of each are `help.` and its name.
HELP = (
    ("price list", "all"), ('"price list"', "phrase"), ("pri*", "begin"),
    ("price OR offer", "any"), ("-draft", "none"), ("(price OR offer) list", "group"),
    ("subject:price", "subject"), ("from:ann@example.org", "from"), ("to:team", "to"),
    ("filename:csv", "filename"), ("has:attachment", "has"),
    ('mailbox:work folder:"Sent Mail"', "place"), ("after:2026-01-15 before:2026-02", "date"),
    ("larger:2M smaller:500k", "size"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A mail as the list shows it; of each text the pieces, and whether each is a hit."""

    mail: FoundMail
    author: Sequence[Piece]
    subject: Sequence[Piece]
    text: Sequence[Piece]
    #: Where else a word was found: the word for it, and the pieces.
    others: Sequence[tuple[str, Sequence[Piece]]]
    #: Attachments, without what stands in the text.
    files: int


@blueprint.get("")
@page("read")
def listed() -> Response:
    """Mails that the query finds."""
    if "was" in request.args:
        return make_response(redirect(url_for("mail_pages.listed", **_asked()), 303))
    form = Form()
    given = {name: request.args[name] for name in ("q", "sort") if request.args.get(name)}
    found: Part = Part((), "", "")
    with form.blaming({"bad_query": "q", "bad_sort": "sort"}):
        found = _best(given) if query.by_rank(given) else _newest(given)
    if "q" in form.errors:
        form.errors["q"] = form.errors["q"].replace("Q, at", "At", 1)
    text = given.get("q", "")
    fields = mailquery.stated(text)
    return shown(
        "mails.html",
        form,
        part=found,
        q=text,
        sort=given.get("sort", "date"),
        fields=fields,
        help=HELP,
        choices=_choices(fields),
        is_newest=not given.get("sort") and not request.args.get("cursor"),
        exports=[(url_for(endpoint, q=text or None), name) for endpoint, name in EXPORTS],
    )


def _asked() -> dict[str, Any]:
    """What a sent form asks for, as the address of a list."""
    text = mailquery.with_fields(request.args.get("q", ""), request.args["was"], request.args)
    asked = {"q": text.strip()}
    if request.args.get("sort") == "rank" and _has_words(text):
        asked["sort"] = "rank"
    return {name: value for name, value in asked.items() if value}


def _has_words(text: str) -> bool:
    """Whether there is anything to rank by."""
    try:
        return any(looked_for(parse(text)))
    except RefusedError:
        # The list says what is wrong with it.
        return False


def _newest(given: dict[str, str]) -> Part:
    tree = query.asked(given)
    rows = maillist.newest(given, cursor(str, int), SIZE + 1)
    found = part(rows, lambda mail: [mail.date, mail.id])
    return found._replace(rows=_rows(found.rows, tree))


def _best(given: dict[str, str]) -> Part:
    tree = query.wanted(given)
    rows: list[ranking.Ranked] = maillist.best(given, cursor(float, int, int), SIZE + 1)
    found = part(rows, lambda one: list(one[1]))
    return found._replace(rows=_rows([mail for mail, _ in found.rows], tree))


def _rows(mails: Sequence[Any], tree: Node | None) -> list[Row]:
    found = shapes.found(mails, tree)
    previews = _previews(mails)
    return [_row(mail, previews.get(mail.id, "")) for mail in found]


def _row(mail: FoundMail, preview: str) -> Row:
    hits = mail.snippets if isinstance(mail.snippets, dict) else {}
    name, address = mail.from_[0] if mail.from_ else ("", "")
    return Row(
        mail,
        hits.get("from") or [(name or address or t("mails.nobody"), False)],
        hits.get("subject") or [(mail.subject or t("mails.no_subject"), False)],
        hits.get("text") or [(preview, False)],
        [(t(f"hit.{each}"), hits[each]) for each in ("to", "filename") if each in hits],
        sum(not each.inline for each in mail.attachments),
    )


def _previews(mails: Sequence[Any]) -> dict[int, str]:
    """How the text of each begins."""
    begin = peewee.fn.SUBSTR(Mail.text, 1, PREVIEW)
    found = Mail.select(Mail.id, begin).where(Mail.id.in_([mail.id for mail in mails])).tuples()
    return {id_: " ".join(text.split()) for id_, text in found}


def _choices(fields: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer; what the query says is always among it."""
    boxes = Mailbox.select(Mailbox.name).order_by(Mailbox.name).limit(MOST)
    folders = Folder.select(Folder.name).distinct().order_by(Folder.name).limit(MOST)
    if fields.get("mailbox"):
        folders = folders.join(Mailbox).where(Mailbox.name == fields["mailbox"])
    return {
        "mailbox": _offered([name for (name,) in boxes.tuples()], fields.get("mailbox", "")),
        "folder": _offered([name for (name,) in folders.tuples()], fields.get("folder", "")),
        "has": [("", t("filter.all")), *((each, t(f"has.{each}")) for each in HAS)],
    }


def _offered(names: list[str], chosen: str) -> list[tuple[str, str]]:
    if chosen and chosen not in names:
        names = [chosen, *names]
    return [("", t("filter.all")), *((name, name) for name in names if mailquery.can_say(name))]
