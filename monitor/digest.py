"""A digest as a mail: what is new, what has changed, what failed; as text and as HTML."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from itertools import groupby
from typing import Literal

from postroom import shown, wire
from postroom.digest_options import zone
from postroom.settings import Digest

What = Literal["new", "changed", "failed"]
#: In the order that people want to read them.
WHAT: dict[What, str] = {"new": "New", "changed": "Changed", "failed": "Failed"}

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 0 auto; padding: 1em }
h1 { font-size: 1.25em } h2 { font-size: 1.1em; margin: 1.5em 0 0 } h3 { font-size: 1em }
ul { list-style: none; margin: 0; padding: 0 }
li { border-top: 1px solid #8888; padding: .5em 0; overflow-wrap: anywhere }
small { opacity: .8 }
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One file as it is shown; links are "" where there are none."""

    name: str
    size: str
    link: str
    #: Where its bytes are kept: a link, or a place such as s3://bucket/key.
    storage: str
    source: str
    reason: str


def render(digest: wire.WatchDigest, options: Digest, api_url: str) -> EmailMessage:
    """The mail of a digest, the same at every try; whatever names hold, it stays one mail."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = options.sender
    mail["To"] = ", ".join(options.receivers)
    mail["Subject"] = subject(digest)
    created = datetime.fromisoformat(digest.created)
    mail["Date"] = format_datetime(created)
    mail["Message-ID"] = digest.message_id
    # RFC 3834: nobody's machine shall answer.
    mail["Auto-Submitted"] = "auto-generated"
    groups = _groups(digest, (options.url or api_url).rstrip("/"))
    closing = f"Looked at {created.astimezone(zone(options.time_zone)):%Y-%m-%d %H:%M %Z}"
    # Either kind of transfer encoding keeps lines short, however long a URL is.
    mail.set_content(_text(groups, closing), cte="quoted-printable")
    html = _html(mail["Subject"], groups, closing)
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail


def subject(digest: wire.WatchDigest) -> str:
    """What it is about, as "3 new files, 1 changed: prices"."""
    counts = Counter(file.what for file in digest.files)
    parts = [f"{counts[what]} {what}" for what in WHAT if counts[what]] or ["no new"]
    first = f"{parts[0]} file" if parts[0].startswith("1 ") else f"{parts[0]} files"
    pages = sorted({file.page for file in digest.files})
    if digest.page or len(pages) == 1:
        where = f": {shown.in_header(digest.page or pages[0], 100)}"
    else:
        where = f" on {len(pages)} pages"
    return ", ".join([first, *parts[1:]]) + where


Groups = list[tuple[str, list[tuple[str, list[Row]]]]]


def _groups(digest: wire.WatchDigest, api_url: str) -> Groups:
    """By page, then by what became of them; in each the digest's own order."""
    order = list(WHAT)
    files = sorted(digest.files, key=lambda file: (file.page, order.index(file.what)))
    return [
        (
            shown.clean(page),
            [
                (WHAT[what], [_row(file, api_url) for file in same])
                for what, same in groupby(of_page, lambda file: file.what)
            ],
        )
        for page, of_page in groupby(files, lambda file: file.page)
    ]


def _row(file: wire.DigestFile, api_url: str) -> Row:
    failed = file.what == "failed"
    return Row(
        name=shown.clean(file.filename, 200) or f"file {file.id}",
        size="" if failed else shown.size(file.size),
        link="" if failed else f"{api_url}/v1/files/{file.id}/content",
        storage=shown.place(file.storage_url),
        source=shown.place(file.url),
        reason=shown.clean(file.reason, 500),
    )


def _text(groups: Groups, closing: str) -> str:
    return "\n".join([*_lines(groups), f"{closing} by Postroom.", ""])


def _lines(groups: Groups) -> Iterator[str]:
    for page, kinds in groups:
        for what, rows in kinds:
            yield f"{what} on {page} ({len(rows)})"
            yield ""
            for row in rows:
                yield f"* {row.name}" + (f" ({row.size})" if row.size else "")
                told = (row.reason, row.link, row.storage, row.source and f"from {row.source}")
                yield from (f"  {line}" for line in told if line)
                yield ""


def _html(title: str, groups: Groups, closing: str) -> str:
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark">'
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>"
            f"<h1>{escape(title)}</h1>\n",
            *_blocks(groups),
            f"<p><small>{escape(closing)} by Postroom.</small></p></body></html>\n",
        ]
    )


def _blocks(groups: Groups) -> Iterator[str]:
    for page, kinds in groups:
        yield f"<h2>{escape(page)}</h2>\n"
        for what, rows in kinds:
            yield f"<h3>{what} ({len(rows)})</h3>\n<ul>\n"
            yield from map(_item, rows)
            yield "</ul>\n"


def _item(row: Row) -> str:
    size = f" <small>{escape(row.size)}</small>" if row.size else ""
    reason = f"<br>{escape(row.reason)}" if row.reason else ""
    # What is no address of the web is only named: s3://bucket/key, a path.
    places = [_anchor(row.storage, "storage"), _anchor(row.source, "source")]
    below = " · ".join(filter(None, places))
    name = _anchor(row.link, row.name) or escape(row.name)
    return f"<li><b>{name}</b>{size}{reason}<br><small>{below}</small></li>\n"


def _anchor(link: str, text: str) -> str:
    if not shown.is_link(link):
        return escape(link)
    return f'<a href="{escape(link)}">{escape(text)}</a>'
