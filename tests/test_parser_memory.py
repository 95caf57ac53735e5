"""Large mails are in memory once, however they are encoded and however broken they are."""

import base64
import random
from collections.abc import Callable

import pytest

from postroom.parsing.mail import parse
from postroom.parts import part_bytes
from tests.long import one_in
from tests.servers.processes import forget_peak, peak_megabytes

MEGABYTE = 2**20
LARGE = 60 * MEGABYTE
#: Beside the mail: two million characters of text, some times over.
MOST_MEGABYTES = 45


def encoded() -> bytes:
    content = random.Random(1).randbytes(LARGE * 3 // 4)
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def head(kind: bytes, encoding: bytes) -> bytes:
    return b"Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n" % (kind, encoding)


def many(piece: bytes) -> bytes:
    return piece * (LARGE // len(piece))


def uuencoded() -> bytes:
    return b"begin 644 a\r\n" + many(b"M" + b"A" * 60 + b"\r\n") + b"end\r\n"


FILE, TEXT, LOG = b"application/x", b"text/plain", b"text/plain; name=a.log"
SOFT = b"a line that goes on =3D and on =\r\n"
PART = b"--b\r\n" + head(TEXT, b"quoted-printable") + SOFT * 50_000

LARGE_MAILS: dict[str, Callable[[], bytes]] = {
    "base64": lambda: head(FILE, b"base64") + encoded(),
    "broken base64": lambda: head(FILE, b"base64") + encoded().replace(b"A", b"*", 3),
    "broken base64 on one line": lambda: (
        head(FILE, b"base64") + b"*" + encoded().replace(b"\r\n", b"")
    ),
    "no base64 at all": lambda: head(FILE, b"base64") + many(b"a sentence of short words, "),
    "text in base64": lambda: (
        head(LOG, b"base64") + base64.encodebytes(b"they begin here\r\n" * (LARGE * 3 // 68))
    ),
    "quoted-printable": lambda: head(FILE, b"quoted-printable") + many(SOFT),
    "quoted-printable on one line": lambda: head(FILE, b"quoted-printable") + many(b"=3D=C3=A9a"),
    "text in quoted-printable": lambda: head(TEXT, b"quoted-printable") + many(SOFT),
    "uuencode": lambda: head(FILE, b"x-uuencode") + uuencoded(),
    "a file amid text": lambda: head(TEXT, b"8bit") + b"See:\r\n" + uuencoded(),
    "mails within mails, all encoded": lambda: (
        head(b"message/rfc822", b"quoted-printable") * 6 + many(b"words\r\n")
    ),
    "many texts": lambda: (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + many(PART) + b"--b--\r\n"
    ),
}


@pytest.mark.parametrize("name", one_in(4, list(LARGE_MAILS)))
def test_a_large_mail_is_read_beside_its_own_bytes(name: str):
    raw = LARGE_MAILS[name]()
    forget_peak()
    before = peak_megabytes()

    parse(raw)

    assert peak_megabytes() - before < MOST_MEGABYTES


@pytest.mark.parametrize(
    "name",
    one_in(5, ["base64", "broken base64", "a file amid text", "uuencode", "quoted-printable"]),
)
def test_what_is_served_of_it_is_there_once_more_and_what_was_measured(name: str):
    raw = LARGE_MAILS[name]()
    (one,) = parse(raw).attachments
    forget_peak()
    before = peak_megabytes()

    content = part_bytes(raw, one.part)

    assert len(content) == one.size
    assert peak_megabytes() - before < one.size / MEGABYTE * 1.3 + MOST_MEGABYTES / 2
