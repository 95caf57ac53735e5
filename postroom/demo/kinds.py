"""The forms that office mail comes in: each makes one body from a letter."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from html import escape

from postroom.demo import files, mime
from postroom.demo.mime import Part
from postroom.demo.phrases import Language

TEAM = "team@harbour.example"
ENCODINGS = ("quoted-printable", "base64", "8bit")


@dataclass(frozen=True, slots=True)
class Letter:
    """What somebody wants to say, before it has a form."""

    number: int
    language: Language
    charset: str
    subject: str
    text: str
    date: datetime
    #: Numbers of the letters that this one answers, the oldest first.
    answers: tuple[int, ...] = ()

    @property
    def encoding(self) -> str:
        """A Content-Transfer-Encoding that can carry the charset."""
        if self.charset in {"us-ascii", "iso-2022-jp"}:
            return "7bit"
        if self.charset == "utf-16":
            return "base64"
        return ENCODINGS[self.number % len(ENCODINGS)]

    @property
    def boundary(self) -> str:
        """A boundary that no other letter has."""
        return f"=_harbour_{self.number:05}"

    @property
    def content(self) -> str:
        """The whole text, lines ending in LF."""
        who = self.language
        return f"{who.greeting}\n\n{self.text}\n\n{who.closing}\n{who.person}\n"

    def text_part(self) -> Part:
        """The text in the letter's own charset and encoding."""
        return mime.text(self.content, self.charset, self.encoding)


def message_id(number: int) -> str:
    """The Message-ID of the letter of that number."""
    return f"<{number:05}.office@harbour.example>"


def headers(letter: Letter) -> list[str]:
    """The usual header lines."""
    who = letter.language
    zone = timezone(timedelta(hours=letter.number % 13 - 6))
    lines = [
        f"From: {mime.mailbox(who.person, who.address, letter.charset)}",
        f"To: The Harbour team <{TEAM}>",
        f"Subject: {mime.phrase(letter.subject, letter.charset)}",
        f"Date: {format_datetime(letter.date.astimezone(zone))}",
        f"Message-ID: {message_id(letter.number)}",
    ]
    if letter.answers:
        lines.append(f"In-Reply-To: {message_id(letter.answers[-1])}")
        lines.append("References: " + "\r\n ".join(message_id(n) for n in letter.answers))
    return lines


def plain(letter: Letter) -> Part:
    """Text alone."""
    return letter.text_part()


def html(letter: Letter) -> Part:
    """HTML alone."""
    paragraphs = "".join(f"<p>{escape(line)}</p>\n" for line in letter.content.split("\n") if line)
    page = (
        f"<html><head><style>p {{ margin: 1em }}</style></head><body>\n{paragraphs}</body></html>\n"
    )
    return mime.text(page, letter.charset, letter.encoding, "html")


def alternative(letter: Letter) -> Part:
    """The same as text and as HTML."""
    return mime.multipart("alternative", letter.boundary, letter.text_part(), html(letter))


def attached(letter: Letter) -> Part:
    """Text with two files, named in three ways that are in use."""
    charset = "utf-8" if letter.charset in {"us-ascii", "utf-16"} else letter.charset
    ways = (mime.rfc2231_name, mime.continued_name, mime.encoded_name)
    name = ways[letter.number % len(ways)](f"{letter.subject}.pdf", charset)
    document = mime.attachment(files.pdf(f"Letter {letter.number}"), "application/pdf", name)
    prices = mime.attachment(files.table(letter.number), "text/csv", 'filename="prices.csv"')
    return mime.multipart("mixed", letter.boundary, letter.text_part(), document, prices)


def related(letter: Letter) -> Part:
    """HTML with a picture in it, and the text beside it."""
    cid = f"logo.{letter.number}@harbour.example"
    content = f'<p>{escape(letter.text)}</p>\n<p><img src="cid:{cid}" alt="Harbour"></p>\n'
    page = mime.text(content, letter.charset, letter.encoding, "html")
    shown = ('Content-Disposition: inline; filename="logo.png"', f"Content-ID: <{cid}>")
    body = mime.encode(files.png(letter.number), "base64")
    picture = Part("image/png", body, "base64", shown)
    inner = mime.multipart("related", f"{letter.boundary}_r", page, picture)
    return mime.multipart("alternative", letter.boundary, letter.text_part(), inner)


def invitation(letter: Letter) -> Part:
    """Text with an invitation for a calendar (RFC 5545)."""
    start = letter.date + timedelta(days=3)
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Harbour//Office//EN",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{letter.number}@harbour.example",
        f"DTSTAMP:{letter.date:%Y%m%dT%H%M%SZ}",
        f"DTSTART:{start:%Y%m%dT%H0000Z}",
        f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H0000Z}",
        f"SUMMARY:{letter.subject}",
        f"ORGANIZER:mailto:{letter.language.address}",
        f"ATTENDEE:mailto:{TEAM}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    )
    encoded = mime.encode("\r\n".join(lines).encode(), "base64")
    event = Part("text/calendar; charset=utf-8; method=REQUEST", encoded, "base64")
    return mime.multipart("alternative", letter.boundary, letter.text_part(), event)


def forwarded(letter: Letter) -> Part:
    """Text with another mail inside."""
    inner = [
        "From: Dock Supplies <sales@dock.example>",
        f"To: {letter.language.address}",
        f"Subject: Your order {letter.number}",
        f"Date: {format_datetime(letter.date - timedelta(days=1))}",
        f"Message-ID: <order-{letter.number}@dock.example>",
    ]
    said = mime.text(f"Order {letter.number} is on its way.\n", "us-ascii", "7bit")
    mail = Part("message/rfc822", mime.message(inner, said))
    return mime.multipart("mixed", letter.boundary, letter.text_part(), mail)


#: Their number has no divisor in common with that of the languages, so that each meets several.
KINDS: dict[str, Callable[[Letter], Part]] = {
    "plain": plain,
    "alternative": alternative,
    "attached": attached,
    "html": html,
    "forwarded": forwarded,
    "related": related,
    "invitation": invitation,
}


def written(letter: Letter, kind: str) -> bytes:
    """The bytes of the letter in that form."""
    return mime.message(headers(letter), KINDS[kind](letter))
