"""What is attached: found, named, measured, and read again byte for byte."""

import struct
from hashlib import sha256

import pytest

from postroom.parsing.mail import parse
from postroom.parts import part_bytes
from postroom.records import Attachment

HEAD = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n"


def attached(fields: bytes, content: bytes = b"QUJD") -> Attachment:
    head = fields + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    raw = HEAD + head + content + b"\r\n--b--\r\n"
    (one,) = parse(raw).attachments
    read = part_bytes(raw, one.part)
    assert (one.size, one.sha256) == (len(read), sha256(read).hexdigest())
    return one


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        (b"filename=a.pdf", "a.pdf"),
        (b'filename="a b;c.pdf"', "a b;c.pdf"),
        (b"filename=a b.pdf; size=3", "a b.pdf"),
        (b'filename="say \\"x\\".pdf"', 'say "x".pdf'),
        (b'filename="C:\\dir\\a.pdf"', "C:\\dir\\a.pdf"),
        (b"filename*=utf-8''na%C3%AFve.pdf", "naïve.pdf"),
        (b"filename*0*=iso-8859-1'en'%e9t; filename*1*=%e9; filename*2=.pdf", "été.pdf"),
        (b'filename*1="b.pdf"; filename*0="a"', "ab.pdf"),
        (b"filename=x.pdf; filename*=utf-8''%C3%A9.pdf", "é.pdf"),
        (b'filename="=?utf-8?Q?=C3=A9t=C3=A9.pdf?="', "été.pdf"),
        (b"filename==?utf-8?B?w6kucGRm?=", "é.pdf"),
        (b'filename="\xe9t\xe9.pdf"', "été.pdf"),
        (b'filename="\xc3\xa9.pdf"', "é.pdf"),
        (b'filename="open.pdf', "open.pdf"),
        (b"filename*=nonsense''%E9.pdf", "é.pdf"),
        (b"filename*=%41.pdf", "A.pdf"),
        (b"FileName = a.pdf", "a.pdf"),
        (b'filename="../../etc/passwd"', "../../etc/passwd"),
        (b'filename="a\0b\tc"', "a b c"),
        (b"", ""),
    ],
)
def test_file_name_is_read_in_all_its_forms(parameter: bytes, name: str):
    one = attached(
        b"Content-Type: application/pdf\r\nContent-Disposition: attachment; " + parameter
    )

    assert one.name == name


def test_name_of_the_type_is_the_second_choice():
    assert attached(b"Content-Type: image/png; name=a.png").name == "a.png"


def test_index_tells_what_a_page_needs():
    one = attached(
        b"Content-Type: Image/PNG\r\nContent-ID: <p1@x>\r\nContent-Disposition: inline; filename=a"
    )

    assert one == Attachment(
        name="a",
        type="image/png",
        content_id="p1@x",
        inline=True,
        size=3,
        sha256=sha256(b"ABC").hexdigest(),
        part="2",
    )


def test_uuencoded_file_amid_text_is_attached():
    raw = b"Subject: x\n\nsee:\nbegin 644 a.txt\n%:&5L;&\\\n`\nend\nbye\n"

    mail = parse(raw)

    assert mail.text == "see:\nbye\n"
    (one,) = mail.attachments
    assert (one.name, one.type, one.size, one.part) == ("a.txt", "text/plain", 5, "1/1")
    assert part_bytes(raw, "1/1") == b"hello"


def test_prose_that_begins_like_a_file_stays_text():
    body = "begin 644 paces ahead\nand walk on\nend\n"

    assert parse(b"\n" + body.encode()).text == body


def tnef_attribute(level: int, kind: int, content: bytes) -> bytes:
    return (
        struct.pack("<BII", level, kind, len(content))
        + content
        + struct.pack("<H", sum(content) & 0xFFFF)
    )


def tnef(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack("<IH", 0x223E9F78, 1)
        + tnef_attribute(1, 0x00089006, struct.pack("<I", 0x00010000))
        + tnef_attribute(2, 0x00069002, bytes(14))
        + tnef_attribute(2, 0x00018010, name + b"\0")
        + tnef_attribute(2, 0x0006800F, content)
    )


def test_files_in_a_tnef_capsule_are_attached():
    pytest.importorskip("tnefparse")
    raw = b"Content-Type: application/ms-tnef; name=winmail.dat\r\n\r\n" + tnef(b"a.txt", b"hello")

    capsule, one = parse(raw).attachments

    assert (capsule.name, one.name, one.size, one.part) == ("winmail.dat", "a.txt", 5, "1/1")
    assert part_bytes(raw, one.part) == b"hello"


def test_broken_tnef_capsule_is_kept_whole():
    pytest.importorskip("tnefparse")

    mail = parse(b"Content-Type: application/ms-tnef\r\n\r\nrubbish")

    assert [one.size for one in mail.attachments] == [7]
    assert mail.defects == ("bad_tnef",)
