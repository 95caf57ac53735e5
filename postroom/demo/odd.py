"""The mails that programs stumble over: incomplete, broken, doubled, very large."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime

from postroom.demo import files, mime
from postroom.demo.kinds import TEAM
from postroom.demo.mime import Part

LARGE = 10_000_000
SIGNATURE = "-----BEGIN PGP SIGNATURE-----\n\niQEzBAEBCAAdFiEEnot\n-----END PGP SIGNATURE-----\n"


class _Envelope:
    """Header lines for mail after mail, one hour apart."""

    def __init__(self, start: datetime) -> None:
        self.date = start
        self.number = 0

    def lines(self, subject: str, *without: str, **instead: str) -> list[str]:
        """The usual headers, without some or with other content."""
        self.number += 1
        self.date += timedelta(hours=1)
        usual = {
            "From": "Old Scanner <scanner@harbour.example>",
            "To": f"The Harbour team <{TEAM}>",
            "Subject": subject,
            "Date": format_datetime(self.date),
            "Message-ID": f"<odd-{self.number}@harbour.example>",
        }
        usual |= {name.replace("_", "-"): content for name, content in instead.items()}
        return [f"{name}: {content}" for name, content in usual.items() if name not in without]


def _said(content: str, charset: str = "us-ascii", encoding: str = "7bit") -> Part:
    return mime.text(content, charset, encoding)


def mails(start: datetime) -> Iterator[tuple[str, bytes]]:
    """Each with the name of what is odd about it."""
    envelope = _Envelope(start)
    yield from _headers(envelope)
    yield from _structures(envelope)
    yield from _broken(envelope)
    yield from _twins(envelope)
    yield "large", _large(envelope)


def _headers(envelope: _Envelope) -> Iterator[tuple[str, bytes]]:
    said = _said("A page was scanned.\n")
    everybody = ",\r\n ".join(f"Guest {n} <guest{n}@example.org>" for n in range(60))
    lines = envelope.lines
    yield "no message-id", mime.message(lines("No name on it", "Message-ID"), said)
    yield "no date", mime.message(lines("Some day", "Date"), said)
    no_such_day = "Thu, 31 Feb 2026 25:61:00 +0000"
    yield "impossible date", mime.message(lines("Never", Date=no_such_day), said)
    yield "no subject", mime.message(lines("", "Subject"), said)
    yield "empty", mime.message(lines("Nothing to say"), Part("text/plain", b""))
    hidden = "undisclosed-recipients:;"
    yield "group", mime.message(lines("To nobody in particular", To=hidden), said)
    yield "many recipients", mime.message(lines("House-warming", To=everybody), said)
    long = "\r\n ".join(f"and then chapter {n}" for n in range(1, 40))
    yield "long subject", mime.message(lines(f"First {long}"), said)
    raw = mime.message(lines("MARK"), said)
    yield "raw 8-bit subject", raw.replace(b"MARK", "Gruß aus der Küche".encode("latin-1"))


def _structures(envelope: _Envelope) -> Iterator[tuple[str, bytes]]:
    lines = envelope.lines
    flowed = Part("text/plain; charset=utf-8; format=flowed", b"One line \r\nthat goes on.\r\n")
    listed = {"List_Id": "<news.example.org>", "List_Unsubscribe": "<mailto:off@example.org>"}
    yield "list", mime.message(lines("Harbour news", **listed), flowed)
    signature = Part("application/pgp-signature", SIGNATURE.replace("\n", "\r\n").encode())
    about = '; protocol="application/pgp-signature"; micalg=pgp-sha256'
    signed = mime.multipart(
        "signed", "=_signed", _said("I mean it.\n"), signature, parameters=about
    )
    yield "signed", mime.message(lines("Signed and sealed"), signed)
    yield "report", mime.message(lines("Undelivered mail"), _report())
    nested = _said("You found the innermost part.\n")
    for depth in range(6):
        nested = mime.multipart("mixed", f"=_level_{depth}", nested)
    yield "deep", mime.message(lines("A box in a box in a box"), nested)
    names = ("../../etc/passwd", "C:\\temp\\plan.txt", "con.txt", "n" * 240 + ".txt")
    given = [f'filename="{name}"'.replace("\\", "\\\\") for name in names]
    hostile = [mime.attachment(b"harmless\r\n", "text/plain", name) for name in given]
    yield (
        "hostile names",
        mime.message(
            lines("Four files"), mime.multipart("mixed", "=_names", _said("See below.\n"), *hostile)
        ),
    )
    uu = "begin 644 hello.txt\n&:&5L;&\\*\n`\nend\n"
    yield "uuencoded", mime.message(lines("As in the old days"), _said(f"A file:\n\n{uu}"))


def _report() -> Part:
    told = "Reporting-MTA: dns; mail.example.org\n\nFinal-Recipient: rfc822; gone@example.org\n"
    status = Part("message/delivery-status", f"{told}Action: failed\nStatus: 5.1.1\n".encode())
    status = Part(status.type, status.body.replace(b"\n", b"\r\n"))
    words = _said("The address does not exist.\n")
    about = "; report-type=delivery-status"
    return mime.multipart("report", "=_report", words, status, parameters=about)


def _broken(envelope: _Envelope) -> Iterator[tuple[str, bytes]]:
    lines = envelope.lines
    whole = mime.multipart("mixed", "=_right", _said("Can you read this?\n"), _said("And this?\n"))
    wrong = Part(whole.type.replace("right", "wrong"), whole.body)
    yield "wrong boundary", mime.message(lines("Boundary elsewhere"), wrong)
    cut = Part(whole.type, whole.body[: whole.body.rindex(b"this") + 2] + b"\r\n")
    yield "cut off", mime.message(lines("Paper ran out"), cut)
    rubbish = Part("application/pdf; name=scan.pdf", b"!!! not *base64* at all ===\r\n", "base64")
    yield "rubbish base64", mime.message(lines("Coffee on the glass"), rubbish)
    unknown = Part("text/plain; charset=x-scanner", "Größe: A4\r\n".encode("latin-1"), "8bit")
    yield "unknown charset", mime.message(lines("Speaks its own language"), unknown)


def _twins(envelope: _Envelope) -> Iterator[tuple[str, bytes]]:
    same = "<same-for-all@harbour.example>"
    for n in (1, 2):
        lines = envelope.lines(f"Page {n}", Message_ID=same)
        yield "same message-id", mime.message(lines, _said(f"This is page {n}.\n"))
    lines = envelope.lines("Page of many")
    for n in (1, 2):
        yield "same headers", mime.message(lines, _said(f"Copy {n} of the page.\n"))
    again = mime.message(envelope.lines("Sent twice"), _said("The button was pressed twice.\n"))
    yield "same bytes", again
    yield "same bytes", again


def _large(envelope: _Envelope) -> bytes:
    # Base64 makes 78 characters of 57 bytes.
    scan = mime.attachment(
        files.noise(LARGE * 57 // 78), "application/octet-stream", 'filename="scan-600dpi.bin"'
    )
    body = mime.multipart("mixed", "=_large", _said("The whole archive, as you wished.\n"), scan)
    return mime.message(envelope.lines("All pages at once"), body)
