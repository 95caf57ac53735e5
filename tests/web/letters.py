"""Mails as people write them, brought the way that a master brings them."""

import base64
import hashlib
import zlib
from collections.abc import Iterable
from email.message import EmailMessage
from typing import Any

import msgspec

from postroom.parsing.mail import parse
from tests.api.caller import Caller
from tests.web.world import World

#: A picture of 120 times 40 dots, all of one colour.
WIDTH, HEIGHT = 120, 40


def picture(red: int, green: int, blue: int) -> bytes:
    """A PNG of one colour."""
    rows = (b"\0" + bytes((red, green, blue)) * WIDTH) * HEIGHT
    head = WIDTH.to_bytes(4, "big") + HEIGHT.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
        for kind, body in chunks
    )


def letter(subject: str, text: str, html: str = "", **headers: str) -> EmailMessage:
    """A mail from Ann to the team, unless the headers say otherwise."""
    mail = EmailMessage()
    given = {
        "From": "Ann Meier <ann@example.org>",
        "To": "Team <team@example.org>",
        "Date": "Tue, 24 Nov 2026 09:12:00 +0000",
        "Message-ID": f"<{hashlib.sha256(subject.encode()).hexdigest()[:12]}@example.org>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    mail["Subject"] = subject
    for name, value in given.items():
        mail[name] = value
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    return mail


def within(mail: EmailMessage, content: bytes, kind: str, cid: str) -> None:
    """Put a file beside the HTML that speaks of it."""
    body = mail.get_body(("html",))
    assert isinstance(body, EmailMessage)
    maintype, _, subtype = kind.partition("/")
    body.add_related(content, maintype, subtype, cid=f"<{cid}>")


def page(html: str, subject: str = "Have a look", **headers: str) -> bytes:
    """A mail of nothing but HTML, as it stands."""
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"From: Eve <eve@example.net>\r\nTo: team@example.org\r\nSubject: {subject}\r\n"
        f"Date: Tue, 24 Nov 2026 08:00:00 +0000\r\n{more}MIME-Version: 1.0\r\n"
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + base64.encodebytes(html.encode())


class Letters:
    """Brings raw mails into a mailbox of an API."""

    def __init__(self, caller: Caller, mailbox: str = "work") -> None:
        self._caller, self._mailbox = caller, mailbox
        self._uid = 1_000

    def begin_at(self, uid: int) -> None:
        """Number the mails from here on."""
        self._uid = uid

    def bring(self, raw: bytes | EmailMessage, folder: str = "INBOX", **more: Any) -> int:
        """Store and deliver a mail as its parser reads it; its id."""
        (digest,) = self.bring_all([raw], folder=folder, **more)
        (found,) = self._caller.get(f"/v1/mails?sha256={digest}")["items"]
        return int(found["id"])

    def bring_all(self, raws: Iterable[bytes | EmailMessage], **more: Any) -> list[str]:
        """The same with many at once; their digests."""
        self._caller.mailbox = self._mailbox
        keep, told = {}, []
        for raw in raws:
            content = raw if isinstance(raw, bytes) else raw.as_bytes()
            digest = hashlib.sha256(content).hexdigest()
            self._uid += 1
            record = msgspec.to_builtins(parse(content))
            told.append(self._caller.delivery(self._uid, content, mail=record, **more))
            keep[digest] = content
        self._caller.deliver(*told, keep=keep)
        return list(keep)


NEWSLETTER = """
<table width="100%" cellpadding="0" cellspacing="0" style="background:#f2f4f6"><tr><td align="center">
<table width="600" cellpadding="24" cellspacing="0" style="background-color:#ffffff;font-family:Georgia,serif">
<tr><td style="background-color:#0b5c6b;color:#ffffff"><img src="cid:logo@example.org" alt="Winter Press" width="120" height="40"></td></tr>
<tr><td><h1 style="font-size:24px;margin:0 0 12px">Prices for the winter</h1>
<p>Dear team,</p><p>the <b>new price list</b> holds from <i>1 December</i> on. What has changed:</p>
<table width="100%" cellpadding="6" style="border-collapse:collapse;font-size:14px">
<tr style="background-color:#eef1f3"><th align="left">Paper</th><th align="right">Before</th><th align="right">Now</th></tr>
<tr><td style="border-bottom:1px solid #d6dce1">A4, 80 g</td><td align="right" style="border-bottom:1px solid #d6dce1">4.90 €</td><td align="right" style="border-bottom:1px solid #d6dce1">4.70 €</td></tr>
<tr><td style="border-bottom:1px solid #d6dce1">A3, 120 g</td><td align="right" style="border-bottom:1px solid #d6dce1">11.20 €</td><td align="right" style="border-bottom:1px solid #d6dce1">11.20 €</td></tr>
<tr><td>Envelopes</td><td align="right">7.10 €</td><td align="right">6.95 €</td></tr></table>
<p><a href="https://press.example.org/winter" style="background-color:#0b5c6b;color:#ffffff;padding:8px 16px;border-radius:6px;text-decoration:none">See all prices</a></p>
<p style="color:#54616b;font-size:13px">You get this because you ordered from us. <a href="https://press.example.org/off">No more of it</a>.</p>
<img src="https://track.example.org/open.gif?id=77" width="1" height="1"></td></tr></table></td></tr></table>
"""  # noqa: E501


def newsletter() -> EmailMessage:
    """With a table, a picture of its own, one elsewhere, and a file."""
    mail = letter(
        "Prices for the winter",
        "The new price list holds from 1 December on.\n",
        NEWSLETTER,
        From="Winter Press <news@press.example.org>",
        Message_ID="<winter@press.example.org>",
    )
    within(mail, picture(240, 192, 96), "image/png", "logo@example.org")
    mail.add_attachment(b"%PDF-1.4 prices", maintype="application", subtype="pdf",
                        filename="price list winter.pdf")  # fmt: skip
    return mail


def conversation() -> list[EmailMessage]:
    """A question, an answer, and thanks."""
    first = letter(
        "Price list",
        "Hello all,\n\nhas anybody the new price list of the press? It was to come last week.\n\n"
        "Ann\n",
        Message_ID="<q1@example.org>",
    )
    second = letter(
        "Re: Price list",
        "Hello Ann,\n\nit is here: https://press.example.org/winter (the PDF came this morning).\n"
        "\nBob\n\n> has anybody the new price list of the press?\n",
        From="Bob <bob@example.org>",
        To="Ann Meier <ann@example.org>",
        Cc="Team <team@example.org>",
        Date="Tue, 24 Nov 2026 10:40:00 +0000",
        Message_ID="<q2@example.org>",
        In_Reply_To="<q1@example.org>",
        References="<q1@example.org>",
    )
    third = letter(
        "Re: Price list",
        "Thanks!\n",
        Date="Tue, 24 Nov 2026 11:02:00 +0000",
        Message_ID="<q3@example.org>",
        References="<q1@example.org> <q2@example.org>",
    )
    return [first, second, third]


#: Cut off, and without a date that exists.
BROKEN = (
    b"From: printer@example.org\r\nTo: team@example.org\r\nSubject: Scan 0042\r\n"
    b"Date: Mon, 31 Feb 2026 25:00:00\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
    b"Your scan.\r\n--b\r\nContent-Type: application/pdf; name=scan.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQ=\r\n"
)

_brought: dict[str, dict[str, int]] = {}


def letters(world: World) -> dict[str, int]:
    """The ids of such mails in a world, by short names; the same ones for all its pages."""
    if world.address not in _brought:
        post = Letters(world.caller)
        first, second, third = conversation()
        _brought[world.address] = {
            "first": post.bring(first),
            "second": post.bring(second, folder="Archive"),
            "third": post.bring(third),
            "newsletter": post.bring(newsletter(), folder="News"),
            "broken": post.bring(BROKEN),
        }
    return _brought[world.address]
