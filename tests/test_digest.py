"""A digest as a mail: what it says, and that no name breaks out of it."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.digest import render, subject
from postroom import shown, wire
from postroom.settings import Digest
from tests.servers.smtp import SmtpServer
from tests.test_mailer import mailer

OPTIONS = Digest(sender="Postroom <postroom@example.org>", receivers=("ann@example.org",))
HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
]  # fmt: skip


def file(**told: Any) -> wire.DigestFile:
    usual = {
        "id": 12,
        "page": "prices",
        "what": "new",
        "filename": "list.pdf",
        "url": "https://example.org/list.pdf",
        "size": 1_234_567,
    }
    return wire.DigestFile(**{**usual, **told})


def digest(*files: wire.DigestFile, page: str = "prices") -> wire.WatchDigest:
    return wire.WatchDigest(
        id=7,
        message_id="<digest-7.ab12@postroom.invalid>",
        created="2026-11-24T09:30:00+00:00",
        page=page,
        files=list(files),
    )


def received(told: wire.WatchDigest, options: Digest = OPTIONS) -> EmailMessage:
    """The mail as its receiver's program reads it."""
    raw = render(told, options, "http://127.0.0.1:5000").as_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()
    return message_from_bytes(raw, policy=policy.SMTP)


def plain(mail: EmailMessage) -> str:
    return content(mail, "plain")


def content(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part
    text = part.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")


class Page(HTMLParser):
    """What a browser makes of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        told = dict(attrs)
        if tag == "a":
            assert set(told) == {"href"}
            self.links.append(told["href"] or "")

    def handle_data(self, data: str) -> None:
        self.text += data


# --- what it says


@pytest.mark.parametrize(
    ("whats", "sentence"),
    [
        (["new"], "1 new file: prices"),
        (["new"] * 3 + ["changed"], "3 new files, 1 changed: prices"),
        (["changed"], "1 changed file: prices"),
        (["failed", "failed", "changed"], "1 changed file, 2 failed: prices"),
        ([], "no new files: prices"),
    ],
)
def test_the_subject_says_how_many_of_what(whats, sentence):
    assert subject(digest(*(file(what=what) for what in whats))) == sentence


def test_the_subject_of_all_pages_says_how_many_of_them_or_which_one():
    assert subject(digest(file(), file(page="laws"), page="")) == "2 new files on 2 pages"
    assert subject(digest(file(), page="")) == "1 new file: prices"


def test_the_headers_come_from_the_digest_and_are_the_same_at_every_try():
    mail = received(digest(file()))

    assert mail["From"] == "Postroom <postroom@example.org>"
    assert mail["To"] == "ann@example.org"
    assert mail["Date"].datetime.isoformat() == "2026-11-24T09:30:00+00:00"
    assert mail["Message-ID"] == "<digest-7.ab12@postroom.invalid>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.keys() == HEADERS
    assert [*received(digest(file())).items()][:-1] == [*mail.items()][:-1]


def test_the_text_groups_files_by_page_and_by_what_became_of_them():
    told = digest(
        file(filename="b.pdf", what="changed"),
        file(filename="z.pdf", page="laws", size=812),
        file(id=13, filename="a.pdf", storage_url="s3://bucket/pages/prices/ab/a b.pdf"),
        file(filename="gone.zip", what="failed", reason="404 Not Found, 3 tries"),
        page="",
    )

    text = plain(received(told))

    assert re.findall(r"^(?:\w+ on .*|\* .*)$", text, re.M) == [
        "New on laws (1)", "* z.pdf (812 bytes)", "New on prices (1)", "* a.pdf (1.2 MB)",
        "Changed on prices (1)", "* b.pdf (1.2 MB)", "Failed on prices (1)", "* gone.zip",
    ]  # fmt: skip
    assert "  http://127.0.0.1:5000/v1/files/13/content\n" in text
    assert "  s3://bucket/pages/prices/ab/a b.pdf\n" in text
    assert "  from https://example.org/list.pdf\n" in text
    assert "  404 Not Found, 3 tries\n" in text


def test_the_html_has_the_same_with_links():
    told = digest(
        file(storage_url="https://s3.example.org/bucket/a%20b?X=1&Y=2"),
        file(filename="gone.zip", what="failed", reason="404 <Not Found>"),
    )

    page = Page(content(received(told), "html"))

    assert page.links == [
        "http://127.0.0.1:5000/v1/files/12/content",
        "https://s3.example.org/bucket/a%20b?X=1&Y=2",
        "https://example.org/list.pdf",
        "https://example.org/list.pdf",
    ]
    assert "list.pdf 1.2 MB" in page.text
    assert "404 <Not Found>" in page.text


def test_links_lead_to_where_the_settings_say():
    options = Digest(sender="a@b.c", receivers=("d@e.f",), url="https://post.example.org/")

    assert "https://post.example.org/v1/files/12/content" in plain(
        received(digest(file()), options)
    )


def test_the_time_is_that_of_the_zone():
    options = Digest(sender="a@b.c", receivers=("d@e.f",), time_zone="Asia/Tokyo")

    assert "at 2026-11-24 18:30 JST" in plain(received(digest(file()), options))


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (9_949, "9.9 kB"),
        (9_950, "10 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (34_000_000, "34 MB"),
        (1_500_000_000, "1.5 GB"), (2**63 - 1, "9,223,372 TB"),
    ],
)  # fmt: skip
def test_sizes_are_for_people(count, words):
    assert shown.size(count) == words


def test_a_long_name_keeps_its_end():
    name = shown.clean("a" * 500 + ".tar.gz", 100)

    assert len(name) == 100
    assert name.endswith(".tar.gz")


# --- what strangers wrote

NASTY = {
    "CR and LF": "x\r\nBcc: evil@example.org\r\n\r\nbody",
    "a line end alone": "x\nBcc: evil@example.org",
    "VT and FF": "x\x0bBcc: evil@example.org\x0c",
    "a line separator": "x\u2028Bcc: evil@example.org\u2029",
    "next line": "x\x85Bcc: evil@example.org",
    "NUL": "x\x00y",
    "lone surrogates": "x\udc80\ud800y",
    "bidi marks": "invoice\u202efdp.exe\u2066\u200f",
    "a word of 2,000 letters": "x" * 2000,
    "2,000 letters of another script": "ю" * 2000,
    "tags": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "quotes": "\"'><a href=javascript:alert(1)>",
    "an encoded word": "=?utf-8?q?x=0D=0ABcc:_evil=40example.org?=",
    "a boundary": "--===============1234567890==--",
    "a dot line": "\r\n.\r\nMAIL FROM:<evil@example.org>\r\n",
    "noncharacters": "\uffff\ufffe\ufeff\x1b[31m",
    "nothing but blanks": " \t ",
}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY.keys())
def test_no_name_breaks_out_or_crashes_the_digest(text):
    told = digest(
        file(filename=text, url=text, page=text, reason=text, storage_url=text),
        file(filename=text, url=text, page=text, reason=text, what="failed"),
        page=text,
    )
    with SmtpServer() as server:
        mailer(server).send(render(told, OPTIONS, "http://127.0.0.1:5000"))

    (came,) = server.mails
    assert came.receivers == ["ann@example.org"]
    require_sound(came.mail)


# How long one takes hangs on what else the machine does.
@hypothesis.settings(deadline=None)
@given(st.lists(st.text(max_size=60), min_size=5, max_size=5))
def test_no_text_at_all_breaks_out_or_crashes_the_digest(texts):
    name, url, page, reason, storage = texts
    told = digest(file(filename=name, url=url, page=page, reason=reason, storage_url=storage))

    require_sound(received(told))


def require_sound(mail: EmailMessage) -> None:
    """The mail has the headers and tags that we made, and nothing that steers its reader."""
    assert mail.keys() == HEADERS
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative", "text/plain", "text/html",
    ]  # fmt: skip
    page = Page(content(mail, "html"))
    assert page.tags <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "ul", "li", "b", "a",
        "br", "small", "p",
    }  # fmt: skip
    assert all(link.startswith(("http://", "https://")) for link in page.links)
    for text in (mail["Subject"], plain(mail), page.text):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)


def test_an_address_that_is_no_web_address_is_named_and_not_linked():
    told = digest(file(url="javascript:alert(1)", storage_url="/data/files/list.pdf"))

    page = Page(content(received(told), "html"))

    assert page.links == ["http://127.0.0.1:5000/v1/files/12/content"]
    assert "javascript:alert(1)" in page.text
    assert "/data/files/list.pdf" in page.text


def test_five_hundred_files_of_the_longest_names_are_one_mail():
    url = "https://example.org/" + "%D1%8E" * 300
    told = digest(*(file(id=n, url=url, filename="ю" * 2000) for n in range(500)))

    mail = received(told)

    assert len(Page(content(mail, "html")).links) == 1000
    assert plain(mail).count("/v1/files/") == 500


def test_an_address_too_long_for_a_mail_is_left_to_postroom():
    told = digest(file(url="https://example.org/" + "x" * 7_000))

    page = Page(content(received(told), "html"))

    assert page.links == ["http://127.0.0.1:5000/v1/files/12/content"]
    assert "an address of 7,020 characters" in page.text
