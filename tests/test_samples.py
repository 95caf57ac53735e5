"""The demo's sample mails say what they should to any honest reader."""

import hashlib
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from html import unescape

import pytest

from postroom.demo.samples import EPOCH, LANGUAGES, Sample, described, one_more, samples


@pytest.fixture(scope="module")
def sent() -> list[Sample]:
    """All samples."""
    return list(described())


@pytest.fixture(scope="module")
def letters(sent: list[Sample]) -> list[Sample]:
    """Those that have a text."""
    return [sample for sample in sent if sample.text]


def _texts(mail: Message) -> list[str]:
    """Each text part, decoded by nothing but what it declares."""
    leaves = [part for part in mail.walk() if part.get_content_maintype() == "text"]
    found = []
    for part in leaves:
        raw = part.get_payload(decode=True)
        assert isinstance(raw, bytes)
        found.append(unescape(raw.decode(part.get_content_charset("us-ascii"))))
    return [text.replace("\r\n", "\n") for text in found]


def _subject(mail: Message) -> str:
    return str(make_header(decode_header(re.sub(r"\r?\n", "", mail["Subject"]))))


def test_there_are_about_two_hundred_and_one_of_10_mb(sent):
    sizes = sorted(len(sample.raw) for sample in sent)
    assert len(sent) == 215
    assert 10_000_000 <= sizes[-1] < 10_100_000
    assert sizes[-2] < 50_000


def test_at_least_twelve_languages_in_many_charsets():
    charsets = {charset for language in LANGUAGES for charset in language.charsets}
    assert len({language.code for language in LANGUAGES}) >= 12
    assert len(charsets) >= 20


def test_every_letter_of_every_language_is_read_back(letters):
    for sample in letters:
        mail = message_from_bytes(sample.raw)
        assert _subject(mail) == sample.subject
        lines = sample.text.split("\n")
        assert any(all(line in text for line in lines) for text in _texts(mail)), sample


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_every_phrase_fits_the_charsets_of_its_language(language):
    words = (*sum(language.topics, ()), language.greeting, language.closing, language.thanks)
    for charset in language.charsets:
        for word in (*words, language.person, language.friend):
            if charset != "us-ascii":
                assert word.encode(charset).decode(charset) == word


def test_lines_end_in_crlf_and_only_there(sent):
    for sample in sent:
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", sample.raw), sample.kind
        assert sample.raw.endswith(b"\r\n"), sample.kind


def test_letters_have_no_defects_and_short_header_lines(letters):
    for sample in letters:
        mail = message_from_bytes(sample.raw)
        assert [part.defects for part in mail.walk() if part.defects] == []
        header = sample.raw.partition(b"\r\n\r\n")[0]
        assert max(len(line) for line in header.split(b"\r\n")) < 100


def test_attached_names_are_the_subjects(letters):
    attached = [sample for sample in letters if sample.kind == "attached"]
    for sample in attached:
        names = [part.get_filename() for part in message_from_bytes(sample.raw).walk()]
        decoded = [
            str(make_header(decode_header(name.replace("\r\n", "")))) for name in names if name
        ]
        assert decoded == [f"{sample.subject}.pdf", "prices.csv"]


def test_answers_name_mails_that_came_before(letters):
    seen: set[str] = set()
    answers = 0
    for sample in letters:
        mail = message_from_bytes(sample.raw)
        named = (mail["References"] or "").split()
        answers += bool(named)
        assert set(named) <= seen
        assert mail["In-Reply-To"] == (named[-1] if named else None)
        seen.add(mail["Message-ID"])
    assert answers > 50


def test_the_odd_ones_are_there(sent):
    kinds = Counter(sample.kind for sample in sent)
    odd = ("no message-id", "wrong boundary", "rubbish base64", "cut off", "report", "signed")
    assert [kinds[kind] for kind in odd] == [1] * len(odd)
    no_name = next(sample.raw for sample in sent if sample.kind == "no message-id")
    assert b"message-id" not in no_name.lower()


def test_two_have_the_same_bytes_and_no_others(sent):
    hashes = Counter(hashlib.sha256(sample.raw).digest() for sample in sent)
    assert sorted(hashes.values())[-2:] == [1, 2]


def test_equal_epochs_make_equal_bytes_and_dates_follow_the_epoch(sent):
    assert list(samples()) == [sample.raw for sample in sent]
    later = datetime(2027, 3, 1, tzinfo=UTC)
    dates = [
        parsedate_to_datetime(message_from_bytes(sample.raw)["Date"])
        for sample in described(later)
        if sample.text
    ]
    assert dates == sorted(dates)
    assert later - timedelta(weeks=5) < dates[0] < dates[-1] < later


def test_new_mails_are_all_different(sent):
    raws = [one_more(n, EPOCH) for n in range(200)]
    samples_ids = {message_from_bytes(sample.raw)["Message-ID"] for sample in sent}
    ids = {message_from_bytes(raw)["Message-ID"] for raw in raws}
    assert len(ids) == 200
    assert not ids & samples_ids
