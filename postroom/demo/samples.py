"""About two hundred mails of a small office, the same bytes every time for the same epoch."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from postroom.demo import odd
from postroom.demo.kinds import KINDS, Letter, written
from postroom.demo.phrases import WESTERN, Language
from postroom.demo.phrases_more import OTHER_SCRIPTS

LANGUAGES = WESTERN + OTHER_SCRIPTS
TOPICS = 4
#: The newest sample is a little older than this, the oldest four weeks.
EPOCH = datetime(2026, 11, 20, 12, tzinfo=UTC)
STEP = timedelta(hours=3, minutes=17)
COUNT = 214


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail and what a reader of it must find."""

    kind: str
    raw: bytes
    subject: str = ""
    text: str = ""


def samples(epoch: datetime = EPOCH) -> Iterator[bytes]:
    """The raw mails, the oldest first, one of 10 MB last."""
    for sample in described(epoch):
        yield sample.raw


def one_more(number: int, epoch: datetime = EPOCH) -> bytes:
    """The mail that arrives next while the demo runs; `number` counts from 0."""
    language = LANGUAGES[number % len(LANGUAGES)]
    topic = number // len(LANGUAGES) % TOPICS
    kind = list(KINDS)[number % len(KINDS)]
    return written(_letter(90_000 + number, language, topic, epoch), kind)


def described(epoch: datetime = EPOCH) -> Iterator[Sample]:
    """The samples with what they say."""
    number = 0
    for letter, kind in _conversations(epoch):
        number += 1
        yield Sample(kind, written(letter, kind), letter.subject, letter.text)
    for kind, raw in odd.mails(epoch - STEP * (COUNT - number)):
        yield Sample(kind, raw)


def _conversations(epoch: datetime) -> Iterator[tuple[Letter, str]]:
    number, kinds = 0, list(KINDS)
    for topic in range(TOPICS):
        for at, language in enumerate(LANGUAGES):
            first = _letter(number, language, topic, _date(epoch, number))
            yield first, kinds[(topic * len(LANGUAGES) + at) % len(kinds)]
            answers: tuple[int, ...] = ()
            # The first topic of everybody goes on a little longer.
            for _ in range(1 if topic else 2):
                answers += (number,)
                number += 1
                yield _answer(number, first, _date(epoch, number), answers), "plain"
            number += 1


def _date(epoch: datetime, number: int) -> datetime:
    return epoch - STEP * (COUNT - number)


def _letter(number: int, language: Language, topic: int, date: datetime) -> Letter:
    subject, text = language.topics[topic]
    charset = language.charsets[topic % len(language.charsets)]
    return Letter(number, language, charset, subject, text, date)


def _answer(number: int, first: Letter, date: datetime, answers: tuple[int, ...]) -> Letter:
    language = first.language if len(answers) % 2 == 0 else first.language.answering
    text = f"{language.thanks}\n\n> {first.text}"
    return Letter(number, language, first.charset, f"Re: {first.subject}", text, date, answers)
