"""Headers as mail has them, to text, addresses and dates."""

from datetime import UTC, datetime

import pytest

from postroom.parsing.mail import parse
from postroom.records import Address


def subject(value: bytes) -> str:
    return parse(b"Subject: " + value + b"\r\n\r\n").subject


def people(value: bytes) -> list[tuple[str, str]]:
    return [(one.name, one.address) for one in parse(b"To: " + value + b"\r\n\r\n").to]


def date(value: str) -> datetime | None:
    return parse(b"Date: " + value.encode() + b"\r\n\r\n").date


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?Q?caf=C3=A9_au_lait?=", "café au lait"),
        (b"=?UTF-8?b?w6k=?= =?utf-8?Q?=C3=A9?=", "éé"),
        (b"=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "é"),
        (b"=?utf-8?B?w?= =?utf-8?B?6k=?=", "é"),
        (b"=?utf-8?Q?hello world?=", "hello world"),
        (b"=?utf-8?Q?never ended", "never ended"),
        (b"a=?utf-8?Q?b?=c", "abc"),
        (b"=?utf-8*en?Q?with language?=", "with language"),
        (b"=?utf-8?Q?what??=", "what?"),
        (b"=?gb2312?B?1tDOxA==?=", "中文"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (b"\x1b$BF|K\\\x1b(B", "日本"),
        (b"=?utf-7?Q?+AOk-?=", "é"),
        (b"=?x-unknown?Q?=E9t=E9?=", "été"),
        (b"=?us-ascii?Q?=E9?=", "é"),
        (b"=?windows-1252?Q?=80?=", "€"),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"\xc3\xa9t\xc3\xa9", "été"),
        (b"\xcf\xf0\xe8\xe2\xe5\xf2 \xec\xe8\xf0", "Привет мир"),
        (b"=?utf-8?Q?=ED=A0=BD=ED=B8=80?=", "😀"),
        (b"=?utf-8?Q?a?=\r\n =?utf-8?Q?b?=\r\n\tc", "ab c"),
        (b"folded\r\n  over lines", "folded over lines"),
    ],
)
def test_subject_is_what_the_sender_meant(written: bytes, meant: str):
    assert subject(written) == meant


def test_line_break_in_an_encoded_word_does_not_make_a_header():
    mail = parse(b"Subject: =?utf-8?Q?a=0D=0ABcc:_x@y?=\r\n\r\n")

    assert mail.subject == "a Bcc: x@y"
    assert mail.bcc == ()


def test_raw_bytes_are_read_in_the_charset_that_a_part_declares():
    mail = parse(b"Subject: \xc0\xc1\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n")

    assert mail.subject == "юа"
    assert "raw_header_bytes" in mail.defects


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b"a@x.org", [("", "a@x.org")]),
        (b"Ann Lee <a@x.org>", [("Ann Lee", "a@x.org")]),
        (b'"Lee, Ann" <a@x.org>, b@x.org', [("Lee, Ann", "a@x.org"), ("", "b@x.org")]),
        (b'"Ann \\"A\\" Lee" <a@x.org>', [('Ann "A" Lee', "a@x.org")]),
        (b"a@x.org (Ann (the) Lee)", [("Ann (the) Lee", "a@x.org")]),
        (b"undisclosed-recipients:;", []),
        (b"Team: a@x, Bo <b@x>;, c@x", [("", "a@x"), ("Bo", "b@x"), ("", "c@x")]),
        (b"=?utf-8?q?M=C3=BCller=2C_J?= <m@x>", [("Müller, J", "m@x")]),
        (b'"=?utf-8?q?M=C3=BCller?=" <m@x>', [("Müller", "m@x")]),
        (b"J\xfcrgen <j@x>", [("Jürgen", "j@x")]),
        (b"m\xc3\xbcll@d\xc3\xb6main.de", [("", "müll@dömain.de")]),
        (b"<@r1,@r2:u@h>", [("", "u@h")]),
        (b"Ann <a@b, Bo <c@d>", [("Ann", "a@b"), ("Bo", "c@d")]),
        (b"Ann Lee a@x.org", [("Ann Lee", "a@x.org")]),
        (b"Ann Lee", [("Ann Lee", "")]),
        (b"<root>", [("", "root")]),
        (b'"a b"@x.org', [("", '"a b"@x.org')]),
        (b"Pete(A nice \\) chap) <p(his)@x(host)>", [("Pete (A nice ) chap)", "p@x")]),
        (b", ,a@b;;", [("", "a@b")]),
        (b"a\0b@x", [("", "a b@x")]),
    ],
)
def test_addresses_are_pairs_of_name_and_address(written: bytes, meant: list[tuple[str, str]]):
    assert people(written) == meant


def test_repeated_headers_add_up_to_one_list():
    mail = parse(b"Cc: a@x\nSubject: s\nCC: b@x\n\n")

    assert mail.cc == (Address("", "a@x"), Address("", "b@x"))


@pytest.mark.parametrize(
    "written",
    [
        "Wed, 17 May 2000 19:35:05 -0400",
        "17 May 2000 19:35:05 EDT",
        "Wed, 17 May 00 19:35:05 -0400 (EDT)",
        "Wed May 17 19:35:05 EDT 2000",
        "Wednesday, 17-May-00 23:35:05 GMT",
        "Wednesday, May 17, 2000 11:35:05 PM",
        "2000-05-17T23:35:05Z",
        "2000-05-18 01:35:05.123 +02:00",
        "Wed, 17 May 2000 19(comment):  35 :  05 -0400",
        "Wed, 17 May 100 23.35.05 UT",
        "Wed, 17 May 2000 23:35:05",
    ],
)
def test_dates_in_many_forms_are_one_moment(written: str):
    assert date(written) == datetime(2000, 5, 17, 23, 35, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["Thu, 30 Feb 2012 10:00:00 +0000", "Whenever", "Fri, 31 Dec 9999 23:59:59 -1200", "25:61"],
)
def test_impossible_date_is_kept_as_written(written: str):
    mail = parse(b"Date: " + written.encode() + b"\n\n")

    assert mail.date is None
    assert mail.date_raw == written
    assert "bad_date" in mail.defects


def test_leap_second_is_the_second_before():
    assert date("Sat, 31 Dec 2016 23:59:60 GMT") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_ids_lose_their_angles():
    mail = parse(
        b"Message-ID: <a@b>\nIn-Reply-To: Your message of Monday <c@d>\n"
        b"References: <e@f>\n <g@h>\n\n"
    )

    assert mail.message_id == "a@b"
    assert mail.in_reply_to == ("c@d",)
    assert mail.references == ("e@f", "g@h")


def test_headers_keep_their_order_and_their_case():
    mail = parse(b"X-B: 1\nx-a: =?utf-8?q?=C3=A9?=\nX-B: 2\n\n")

    assert mail.headers == (("X-B", "1"), ("x-a", "é"), ("X-B", "2"))
