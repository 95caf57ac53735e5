"""Large parts: read in pieces they are what they are as a whole, and texts are cut."""

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.parsing.bodies import MAX_TEXT
from postroom.parsing.mail import parse
from postroom.parts import node, split

HEAD = b"Content-Type: application/x\r\nContent-Transfer-Encoding: %s\r\n\r\n"
SOUND = base64.encodebytes(bytes(range(256)) * 9).replace(b"\n", b"\r\n")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "LARGE", 20)
    monkeypatch.setattr(node, "PIECE", 7)


def agree(raw: bytes) -> bool:
    """Whether a part measured in pieces is the part as a whole, with the same defects."""
    root = split(raw, set())
    whole, pieces = set[str](), set[str]()
    content = root.content(whole)
    measured = root.measure(pieces)
    return measured == (len(content), sha256(content).hexdigest()) and whole == pieces


@pytest.mark.parametrize(
    "body",
    [
        SOUND,
        SOUND.replace(b"\r\n", b""),
        SOUND.rstrip(b"\r\n=") + b"\r\n",
        SOUND + SOUND,
        base64.b64encode(b"a" * 40) + b"\r\n" + SOUND,
        SOUND + b"\r\n\r\n\r\n\r\n\r\nA list's own words",
        SOUND.replace(b"A", b"*", 3),
        b"This was never base64, whatever the header says.\r\n" * 3,
    ],
)
def test_base64_in_pieces_is_what_it_is_as_a_whole(body: bytes):
    assert agree(HEAD % b"base64" + body)


@given(
    st.binary(max_size=200), st.integers(0, 260), st.sampled_from([b"", b"=", b"\n", b"-", b"A"])
)
def test_base64_broken_anywhere_too(content: bytes, at: int, rubbish: bytes):
    body = base64.encodebytes(content)

    assert agree(HEAD % b"base64" + body[:at] + rubbish + body[at:])


@pytest.mark.parametrize("encoding", [b"8bit", b"quoted-printable", b"x-uuencode"])
def test_other_encodings_too(encoding: bytes):
    assert agree(HEAD % encoding + b"a line that goes on =\r\nand on=3D\r\n" * 9)


@pytest.mark.parametrize("encode", [bytes, base64.encodebytes])
@pytest.mark.parametrize("kind", [b"text/plain", b"text/html"])
def test_of_a_long_text_the_beginning_is_kept(encode: type[bytes], kind: bytes):
    name = b"8bit" if encode is bytes else b"base64"
    head = b"Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n" % (
        kind,
        name,
    )
    line = "naïve words, again and again\n"

    mail = parse(head + encode((line * 600_000).encode()))

    long = mail.text if kind == b"text/plain" else mail.html
    assert long == (line * 600_000)[:MAX_TEXT]
    assert "text_cut" in mail.defects
    assert "wrong_charset" not in mail.defects
    assert len(mail.text) <= MAX_TEXT


def test_many_texts_of_one_mail_are_cut_together():
    part = b"--b\r\nContent-Type: text/plain\r\n\r\n" + b"word " * 300_000 + b"\r\n"
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"

    mail = parse(head + part * 3 + b"--b--\r\n")

    assert len(mail.text) == MAX_TEXT
    assert "text_cut" in mail.defects
