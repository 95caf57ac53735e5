"""Text and HTML as a reader would see them."""

import pytest

from postroom.parsing.flowed import unflow
from postroom.parsing.html_text import html_to_text
from postroom.parsing.mail import parse


def text(body: bytes, type_: bytes = b"text/plain", encoding: bytes = b"8bit") -> str:
    head = b"Content-Type: " + type_ + b"\r\nContent-Transfer-Encoding: " + encoding
    return parse(head + b"\r\n\r\n" + body).text


@pytest.mark.parametrize(
    ("charset", "body", "meant"),
    [
        (b"utf-8", "naïve €".encode(), "naïve €"),
        (b"iso-8859-1", b"\x93quoted\x94 \x80", "“quoted” €"),
        (b"gb2312", "朱镕基".encode("gbk"), "朱镕基"),
        (b"ks_c_5601-1987", "똠방각하".encode("cp949"), "똠방각하"),
        (b"shift_jis", "①".encode("cp932"), "①"),
        (b"utf-7", b"+ZeVnLIqe-", "日本語"),
        (b"iso-2022-jp", "日本".encode("iso-2022-jp"), "日本"),
        (b"us-ascii", "é".encode(), "é"),
        (b"x-unknown", "Привет, как дела сегодня".encode("cp1251"), "Привет, как дела сегодня"),
        (b"unknown-8bit", "déjà vu".encode(), "déjà vu"),
        (b"utf-8", "caf\xe9 society".encode("latin-1"), "café society"),
        (b"utf-8", "ééééé".encode() + b"\xc3", "ééééé\ufffd"),
        (b"utf-16", "\ufeffhi".encode("utf-16-le"), "hi"),
        (b"us-ascii", "日本".encode("iso-2022-jp"), "日本"),
        (b"us-ascii", "wide".encode("utf-16-le"), "wide"),
        (b"utf-8", "wide".encode("utf-16-be"), "wide"),
        (b'"UTF-8"', "é".encode(), "é"),
        (b"idna", "é".encode(), "é"),
        (b"unicode_escape", b"a\\ud800b", "a\\ud800b"),
        (b"utf-7", b"a+2AA-b", "a\ufffdb"),
    ],
)
def test_charset_declared_or_not_the_text_is_read(charset: bytes, body: bytes, meant: str):
    assert text(body, b"text/plain; charset=" + charset) == meant


@pytest.mark.parametrize(
    ("encoding", "body", "meant"),
    [
        (b"quoted-printable", b"caf=C3=A9 =\r\nau=  \r\n lait =XX =", "café au lait =XX "),
        (b"Base64", b"aGVs\r\nbG8=\r\n", "hello"),
        (b"base64", b"aGVs!!bG8=", "hello"),
        (b"base64", b"aGVsbG8", "hello"),
        (b"base64", b"aGVs\r\nbG8=\r\n_____\r\nSent to a list of friends\r\n", "hello"),
        (b"base64", b"aGk=\r\naGk=", "hihi"),
        (b"base64", b"this was never base64, you see", "this was never base64, you see"),
        (b"x-unheard-of", b"as it is", "as it is"),
        (b"x-uuencode", b"begin 644 x\r\n%:&5L;&\\\r\n`\r\nend\r\n", "hello"),
    ],
)
def test_transfer_encoding_is_undone_as_far_as_it_goes(encoding: bytes, body: bytes, meant: str):
    assert text(body, b"text/plain; charset=utf-8", encoding).strip("\n") == meant


def test_nul_is_replaced():
    assert text(b"a\0b") == "a\ufffdb"


def test_soft_breaks_are_joined():
    flowed = "One line \ngoes on.\n> quoted \n> on\n> \n>> deep\n-- \nme"

    assert unflow(flowed) == "One line goes on.\n> quoted on\n>\n>> deep\n-- \nme"
    assert unflow("日本 \n語", delete_space=True) == "日本語"


def test_flowed_mail_is_joined():
    assert text(b"a \r\nb\r\n", b"text/plain; format=flowed; delsp=yes") == "ab\n"


ALTERNATIVE = (
    b"Content-Type: multipart/alternative; boundary=b\n\n"
    b"--b\nContent-Type: text/plain\n\n%s\n--b\nContent-Type: text/html\n\n<p>rich</p>\n--b--\n"
)


def test_alternative_gives_both_its_forms():
    mail = parse(ALTERNATIVE % b"plain")

    assert (mail.text, mail.html) == ("plain", "<p>rich</p>")


def test_blank_alternative_is_made_from_html():
    assert parse(ALTERNATIVE % b" ").text == "rich"


def test_parts_after_a_picture_go_on_with_the_text():
    mail = parse(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: image/png\n"
        b"Content-Disposition: inline\n\nxx\n--b\n\ntwo\n--b--\n"
    )

    assert mail.text == "one\ntwo"
    assert [(one.type, one.inline) for one in mail.attachments] == [("image/png", True)]


def test_no_text_is_lost_when_an_alternative_is_mixed():
    mail = parse(
        b"Content-Type: multipart/alternative; boundary=a\n\n--a\n\nplain\n--a\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>rich</p>"
        b"\n--b\n\nfooter\n--b--\n--a--\n"
    )

    assert (mail.text, mail.html) == ("plain", "<p>rich</p>")
    assert [(one.type, one.size) for one in mail.attachments] == [("text/plain", 6)]


def test_mail_of_another_kind_of_text_alone_is_shown():
    assert text(b"BEGIN:VCALENDAR", b"text/calendar") == "BEGIN:VCALENDAR"


def test_html_names_its_own_charset_when_the_mail_does_not():
    page = '<meta charset="koi8-r"><p>Привет'.encode("koi8-r")

    assert text(page, b"text/html") == "Привет"


@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("<p>one</p><p>two<br>three</p>", "one\n\ntwo\nthree"),
        ("<div>a</div><div>b <b>c</b>d</div>", "a\nb cd"),
        ("<ul><li>x<li><p>y</p></ul><ol><li>z</ol>", "- x\n- y\n\n1. z"),
        ('<a href="http://x.org/a">here</a>, <a href="http://x.org/">x.org</a>',
         "here <http://x.org/a>, x.org <http://x.org/>"),
        ('<a href="http://x.org/">http://x.org</a>', "http://x.org"),
        ('<a href="javascript:alert(1)">no</a>', "no"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        ("<p>a</p><blockquote>b<br>c</blockquote><p>d", "a\n\n> b\n> c\n\nd"),
        ("<style>x</style><script>y</script><!-- z -->a &amp; &eacute;", "a & é"),
        ("<pre> a\n   b</pre>", " a\n   b"),
        ('<img alt="a picture">', "a picture"),
        ("a&#xD800;b&#0;", "a\ufffdb"),
        ("<div>" * 3000 + "deep", "deep"),
        ("", ""),
        ("no < markup", "no < markup"),
    ],
)  # fmt: skip
def test_html_reads_like_text(markup: str, seen: str):
    assert html_to_text(markup, set()).rstrip("\ufffd") == seen
