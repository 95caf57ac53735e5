"""Large parts: read in pieces they are what they are as a whole, and texts are cut."""

import base64
from hashlib import sha256
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.parsing.bodies import MAX_TEXT
from postroom.parsing.mail import parse
from postroom.parts import node, split, transfer
from postroom.parts import pieces as pieces_module

HEAD = b"Content-Type: application/x\r\nContent-Transfer-Encoding: %s\r\n\r\n"
SOUND = base64.encodebytes(bytes(range(256)) * 9).replace(b"\n", b"\r\n")


def agree(raw: bytes) -> bool:
    """Whether a part read in small pieces is the part as a whole, with the same defects."""
    root = split(raw, set())
    whole, pieces, measured = set[str](), set[str](), set[str]()
    content = transfer.decode(bytes(root.span), root.encoding, whole)
    with patch.object(node, "LARGE", 20), patch.object(pieces_module, "PIECE", 12):
        assert root.content(pieces) == content
        assert root.measure(measured)[:2] == (len(content), sha256(content).hexdigest())
    return whole == pieces == measured


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


@given(st.lists(st.sampled_from([b"a", b"=", b" ", b"\t", b"\r\n", b"\n", b"3D", b"=3D", b"-"])))
def test_quoted_printable_in_pieces_is_what_it_is_as_a_whole(parts: list[bytes]):
    assert agree(HEAD % b"quoted-printable" + b"".join(parts))


UU_LINES = [b"begin 644 a\n", b"%:&5L;&\\\n", b"\n", b"\r\n", b"`\n", b"end\r\n", b"%x\r", b"#\n"]


@given(st.lists(st.sampled_from(UU_LINES)))
def test_uuencoded_in_pieces_is_what_it_is_as_a_whole(parts: list[bytes]):
    assert agree(HEAD % b"x-uuencode" + b"".join(parts))


@given(st.lists(st.sampled_from([b"QUJD", b"=", b"Q", b"\n", b"\r\n", b" ", b"A word", b"*"])))
def test_base64_of_any_brokenness_in_pieces_is_what_it_is_as_a_whole(parts: list[bytes]):
    assert agree(HEAD % b"base64" + b"".join(parts))


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

    mail = parse(head + encode((line * 100_000).encode()))

    long = mail.text if kind == b"text/plain" else mail.html
    assert long == (line * 100_000)[:MAX_TEXT]
    assert "text_cut" in mail.defects
    assert "wrong_charset" not in mail.defects
    assert len(mail.text) <= MAX_TEXT


def test_many_texts_of_one_mail_are_cut_together():
    part = b"--b\r\nContent-Type: text/plain\r\n\r\n" + b"word " * 300_000 + b"\r\n"
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"

    mail = parse(head + part * 3 + b"--b--\r\n")

    assert len(mail.text) == MAX_TEXT
    assert "text_cut" in mail.defects
