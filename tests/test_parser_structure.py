"""Where parts begin and end, in sound mails and in broken ones."""

from collections.abc import Iterator
from hashlib import sha256

import pytest

from postroom.errors import ObjectMissingError
from postroom.parsing.mail import parse
from postroom.parts import part_bytes
from postroom.records import Part

MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def paths(part: Part | None) -> Iterator[tuple[str, str]]:
    if part is not None:
        yield part.path, part.type
        for inner in part.parts:
            yield from paths(inner)


def test_paths_are_those_of_imap():
    inner = b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n"
    raw = (
        MIXED
        + b"--b\r\n\r\nhello\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + inner
        + b"--b--"
    )

    mail = parse(raw)

    assert list(paths(mail.parts)) == [
        ("TEXT", "multipart/mixed"),
        ("1", "text/plain"),
        ("2", "message/rfc822"),
        ("2.TEXT", "multipart/mixed"),
        ("2.1", "text/plain"),
    ]
    assert part_bytes(raw, "1") == b"hello"
    assert part_bytes(raw, "2.1") == b"x"


def test_mail_without_parts_is_part_one():
    assert list(paths(parse(b"Subject: x\n\nbody\n").parts)) == [("1", "text/plain")]


def test_part_that_is_not_there_is_missing():
    for path in ("7", "1/1", "", "1/x", "TEXT.1"):
        with pytest.raises(ObjectMissingError):
            part_bytes(b"Subject: x\n\nbody\n", path)


def test_inner_mail_is_attached_and_its_text_can_be_found():
    inner = b"Subject: inside\r\nFrom: Ann <a@x>\r\n\r\nneedle"
    mail = parse(MIXED + b"--b\r\n\r\nouter\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner)

    (attached,) = mail.attachments
    assert (attached.type, attached.size) == ("message/rfc822", len(inner))
    assert attached.sha256 == sha256(inner).hexdigest()
    assert mail.text == "outer\n\nFrom: Ann <a@x>\nSubject: inside\n\nneedle"


def test_attachments_of_an_inner_mail_are_listed():
    part = b"Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD"
    inner = b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n" + part + b"\r\n--c--"
    raw = b"Content-Type: message/rfc822\r\n\r\n" + inner

    _, image = parse(raw).attachments

    assert (image.name, image.part) == ("a.png", "1.1")
    assert part_bytes(raw, image.part) == b"ABC"


def test_inner_mail_in_base64_is_opened():
    raw = (
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        b"U3ViamVjdDogaW5zaWRlCgpuZWVkbGUK\n"
    )

    mail = parse(raw)

    assert "needle" in mail.text
    assert part_bytes(raw, "1.1") == b"needle\n"


def test_digest_holds_mails():
    mail = parse(b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ny\n--b--\n")

    assert [one.type for one in mail.attachments] == ["message/rfc822"]


def test_outer_boundary_ends_inner_parts():
    mail = parse(
        MIXED + b"--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--b\n\ntwo\n--b--"
    )

    assert mail.text == "one\ntwo"


def test_boundary_that_is_the_head_of_another_is_not_taken_for_it():
    mail = parse(
        MIXED + b"--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\none\n--bb--\n--b\n\n2"
    )

    assert list(paths(mail.parts))[-1] == ("2", "text/plain")
    assert mail.text == "one\n2"


def test_mail_cut_before_the_last_boundary_keeps_what_came():
    mail = parse(MIXED + b"--b\r\n\r\nhello")

    assert mail.text == "hello"
    assert mail.defects == ("boundary_not_closed",)


@pytest.mark.parametrize(
    "type_",
    [b"multipart/mixed", b"multipart/mixed; boundary=wrong", b"multipart/mixed; boundary=xx"],
)
def test_boundary_not_told_or_wrong_is_found(type_: bytes):
    mail = parse(
        b"Content-Type: " + type_ + b"\n\n--xxx\nContent-Type: text/plain\n\none\n--xxx\n"
        b"Content-Type: text/html\n\n<p>two\n--xxx--\n"
    )

    assert (mail.text, mail.html) == ("one\ntwo", "<p>two")
    assert "wrong_boundary" in mail.defects


def test_multipart_without_any_part_is_shown_as_text():
    assert parse(b"Content-Type: multipart/mixed; boundary=b\n\nhello\n").text == "hello\n"


def test_of_two_content_types_the_usable_one_counts():
    mail = parse(b"Content-Type: multipart/mixed\nContent-Type: text/html\n\n<p>x</p>")

    assert mail.html == "<p>x</p>"
    assert "bad_content_type" in mail.defects


@pytest.mark.parametrize(("second", "is_told"), [(b"text/html", True), (b"Text/Plain; a=b", False)])
def test_content_types_that_contradict_each_other_are_told(second: bytes, is_told: bool):
    mail = parse(b"Content-Type: text/plain\nContent-Type: " + second + b"\n\nhello\n")

    assert mail.text == "hello\n"
    assert ("bad_content_type" in mail.defects) is is_told


def test_header_cut_by_a_boundary_ends_there():
    mail = parse(MIXED + b"--b\nContent-Type: text/plain\n--b\n\nhello\n--b--")

    assert mail.text == "hello"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
def test_any_line_end_will_do(end: bytes):
    lines = [
        b"Subject: x",
        b"Content-Type: multipart/mixed;",
        b" boundary=b",
        b"",
        b"--b",
        b"",
        b"hello",
        b"--b--",
        b"",
    ]

    mail = parse(end.join(lines))

    assert (mail.subject, mail.text.strip()) == ("x", "hello")


def test_mbox_line_is_not_a_header():
    mail = parse(b"From a@b Mon Jan  1 00:00:00 2001\nSubject: x\n\nhello\n")

    assert (mail.subject, len(mail.headers)) == ("x", 1)


def test_stray_line_amid_the_header_is_passed_over():
    mail = parse(b"Subject: x\nrubbish\nTo: a@b\n\nhello\n")

    assert (mail.subject, mail.text) == ("x", "hello\n")
    assert [one.address for one in mail.to] == ["a@b"]
    assert mail.defects == ("stray_header_line",)


def test_body_may_begin_without_an_empty_line():
    mail = parse(b"Subject: x\nThis is no header\nnor this\n\nhello\n")

    assert mail.text == "This is no header\nnor this\n\nhello\n"
    assert mail.defects == ("missing_header_end",)


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r\n\r\n", b"\0", b":", b"\xff" * 9, b"From "])
def test_next_to_nothing_is_still_a_mail(raw: bytes):
    mail = parse(raw)

    assert mail.subject == ""
    assert "\0" not in mail.text


def test_text_without_a_header_is_the_body():
    assert parse(b"just a line\nand another\n").text == "just a line\nand another\n"


def test_empty_lines_before_the_header_are_passed_over():
    assert parse(b"\r\n\r\nSubject: x\r\n\r\nhello").subject == "x"
