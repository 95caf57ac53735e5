"""One mail: as it was meant to be seen, as text, by its headers and source, and where it stands."""

import re
from typing import Any, NamedTuple

from flask import Blueprint, Response, current_app, make_response, render_template, request
from markupsafe import Markup, escape

from postroom.errors import RefusedError

from ..mails import maillist, quarantine, shown
from ..mails.raws import open_raw
from ..models import Mail, Threaded
from ..replaying import replays
from ..rest.answers import ListedMail, WholeMail
from ..rest.security import page
from ..running import runlist
from ..scripting.scriptshown import run as run_shown
from ..sources import deletions
from ..views.log import quarantined
from . import mailhtml, mailpictures
from .strings import has, t

blueprint = Blueprint("mail_page", __name__, url_prefix="/mails")
#: Characters of a text, and bytes of a raw mail, that are shown.
MOST_TEXT = 300_000
MOST_SOURCE = 256 * 1024
#: Mails of a thread that are shown before this one, and after it; runs, and replays.
NEAR = 10
FEW = 20
VIEWS = ("message", "text", "headers", "source")
#: Lines up to which a mail is short, and middling, and characters of one.
LINES = (10, 24)
WIDTH = 90
#: The frame's document: nothing in it is run, sent or fetched, wherever it is opened.
_POLICY = (
    "default-src 'none'; img-src {pictures}; style-src 'unsafe-inline'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
_PICTURES = {False: "data:", True: "data: https: http:"}
_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # A sandboxed document that is opened by itself may not have another.
    "Cross-Origin-Opener-Policy": "unsafe-none",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_URL = re.compile(r"https?://[^\s<>\"'`\x00-\x1f\u2028-\u202e\u2066-\u2069]{1,2000}")
_NOT_OF_URL = ".,;:!?)]}*_"
#: Signs that turn the direction of what follows: a name may seem to end otherwise than it does.
_TURNS = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


class Source(NamedTuple):
    """The raw mail as text; `reason` says why there is none."""

    text: str
    is_cut: bool = False
    reason: str = ""


class Thread(NamedTuple):
    """Mails that a mail answers and that answer it, oldest first; how many are left out."""

    mails: list[ListedMail]
    total: int
    left: int


@blueprint.get("/<int:id_>")
@page("read")
def one(id_: int) -> Response:
    """A mail as it was meant to be seen."""
    return _page(id_, "message")


@blueprint.get("/<int:id_>/<any(text, headers, source):view>")
@page("read")
def other(id_: int, view: str) -> Response:
    """The same as plain text, by all its headers, or as it came."""
    return _page(id_, view)


@blueprint.get("/<int:id_>/html")
@page("read")
def html(id_: int) -> Response:
    """The mail's own HTML, made safe, for a frame."""
    mail = maillist.one(id_)
    with_remote = request.args.get("pictures") == "1"
    files = shown.attachments_of([mail]).get(id_, [])
    pictures = mailpictures.of(current_app.config["STORAGE"], mail, files)
    cleaned = mailhtml.clean(mail.html, pictures, with_remote=with_remote)
    response = make_response(render_template("mail_frame.html", cleaned=cleaned, mail=mail))
    response.headers.update(_HEADERS)
    response.headers["Content-Security-Policy"] = _POLICY.format(pictures=_PICTURES[with_remote])
    return response


def _page(id_: int, view: str) -> Response:
    row = maillist.one(id_)
    mail = shown.whole(row, shown.attachments_of([row]), shown.places_of([row]))
    runs = runlist.selected({"mail": str(id_)}).limit(FEW)
    return make_response(
        render_template(
            "mail.html",
            mail=mail,
            view=view,
            views=[each for each in VIEWS if each != "text" or mail.html],
            text=linked(mail.text[:MOST_TEXT]),
            is_text_cut=len(mail.text) > MOST_TEXT,
            source=_source(row) if view == "source" else None,
            length=length(mail),
            has_remote=view == "message" and mailhtml.has_remote(mail.html),
            with_remote=request.args.get("pictures") == "1",
            thread=_thread(mail),
            runs=[run_shown(run) for run in runs],
            replayed=replays.of_mail(id_, FEW),
            deleted=deletions.of_mail(id_),
            aside=[quarantined(each) for each in quarantine.of_mail(id_)],
            most_source=MOST_SOURCE,
            defect=defect,
            unturned=unturned,
        )
    )


def _source(mail: Mail) -> Source:
    try:
        with open_raw(current_app.config["STORAGE"], mail, 0, MOST_SOURCE) as stream:
            content = stream.read()
    except RefusedError as e:
        return Source("", reason=str(e))
    return Source(content.decode("utf-8", "replace"), mail.size > len(content))


def _thread(mail: WholeMail) -> Thread:
    if mail.thread_id is None:
        return Thread([], 0, 0)
    every = maillist.of_thread(mail.thread_id)
    later = maillist.is_later(mail.date, mail.id)
    newest_first = (Threaded.date.desc(), Threaded.mail.desc())
    before = list(every.where(~later).order_by(*newest_first).limit(NEAR + 1))
    after = list(every.where(later).limit(NEAR))
    near = shown.listed([*reversed(before), *after])
    total = Threaded.select().where(Threaded.thread == mail.thread_id).count()
    return Thread(near, total, total - len(near))


def length(mail: Any) -> str:
    """How much room a mail is given: nobody knows how high its HTML will be."""
    lines = sum(1 + len(line) // WIDTH for line in mail.text[:MOST_TEXT].splitlines())
    if lines > LINES[1] or "<img" in mail.html.lower():
        return "long"
    return "middling" if lines > LINES[0] else "short"


def linked(text: str) -> Markup:
    """A text whose addresses can be followed."""
    pieces, at = [], 0
    for found in _URL.finditer(text):
        url = found[0].rstrip(_NOT_OF_URL)
        pieces += [escape(text[at : found.start()]), _link(url)]
        at = found.start() + len(url)
    return Markup("").join((*pieces, escape(text[at:])))


def _link(url: str) -> Markup:
    return Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>').format(url)


def unturned(name: str) -> str:
    """A name that reads as it is."""
    return _TURNS.sub("\ufffd", name)


def defect(code: str) -> str:
    """What a defect is in words; nothing for one that another parser told."""
    key = f"defect.{code}"
    return t(key) if has(key) else ""
