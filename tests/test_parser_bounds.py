"""Mails made to hurt: each is read to a bound, and says so."""

import random
import resource
from collections.abc import Callable

import pytest

from bench.fuzz_parser import faults, run
from bench.hard_mails import HARD
from postroom.parsing import addresses, html_text
from postroom.parsing.mail import parse
from postroom.parts import fields, tree


@pytest.mark.parametrize("name", HARD)
def test_mail_made_to_hurt_is_read_in_100_mb(name: str):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    mail = parse(HARD[name])

    assert not list(faults(HARD[name], mail))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_too_deep_is_kept_closed_and_told():
    mail = parse(HARD["nested parts"])

    assert "too_deep" in mail.defects


def test_too_many_parts_are_read_to_the_bound_and_told():
    mail = parse(HARD["parts"])

    assert mail.parts is not None
    assert len(mail.parts.parts) == tree.MAX_PARTS - 1
    assert "too_many_parts" in mail.defects


def test_too_many_fields_are_read_to_the_bound_and_told():
    mail = parse(HARD["fields"])

    assert len(mail.headers) == fields.MAX_FIELDS
    assert "too_many_fields" in mail.defects


def test_too_long_a_header_is_read_to_the_bound_and_the_body_is_found():
    mail = parse(b"Subject: " + b"x" * 2 * fields.MAX_HEAD + b"\n\nhello\n")

    assert mail.text == "hello\n"
    assert "head_too_long" in mail.defects


@pytest.mark.parametrize(
    "markup",
    [
        lambda: b"<p " + b" ".join(b"a%d=b" % number for number in range(200_000)) + b">hello</p>",
        lambda: b"<p>" * (html_text.MAX_TAGS + 1) + b"hello",
    ],
    ids=["attributes", "tags"],
)
def test_html_that_would_take_minutes_gives_its_words_without_shape(markup: Callable[[], bytes]):
    mail = parse(b"Content-Type: text/html; charset=utf-8\n\n" + markup())

    assert mail.text.strip() == "hello"
    assert "html_cut" in mail.defects


def test_too_many_addresses_are_read_to_the_bound_and_told():
    mail = parse(b"To: " + b"a@b," * (addresses.MAX_ADDRESSES + 1))

    assert len(mail.to) == addresses.MAX_ADDRESSES
    assert "too_many_addresses" in mail.defects


def test_mutated_mails_are_read_without_fault():
    chance = random.Random(3)
    words = [b"caf\xc3\xa9", b"=?utf-8?Q?=C3=A9?=", b"QUJD", b"<p>x</p>", b"a@b", b'"n" <c@d>']
    mails = [
        b"Subject: %s\r\nTo: %s\r\nDate: Wed, 17 May 2000 19:35:05 -0400\r\n"
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
        b"Content-Type: text/html; charset=utf-8\r\n\r\n%s\r\n--a\r\n"
        b"Content-Type: application/x; name*0*=utf-8''%%C3; name*1*=%%A9\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n%s\r\n--a--\r\n"
        % tuple(chance.choices(words, k=4))
        for _ in range(20)
    ]

    assert not run(mails, 1500, seed=5)
