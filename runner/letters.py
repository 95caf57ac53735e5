"""Mails that tell of alarms: claimed, written, sent under one Message-ID at every try."""

import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from postroom import shown
from postroom.backoff import Backoff
from postroom.courier import ClaimedLetter, ClaimLetter, TellLetter, ToldAlarm
from postroom.digest_options import of_alarms
from postroom.errors import PostroomError
from postroom.mailer import Mailer
from postroom.settings import Config

from .outliving import outlived
from .shared import Shared

log = logging.getLogger(__name__)

#: Seconds between two looks, and until what failed is tried again.
LOOK_SECONDS = 1.0
AGAIN, REFUSED = (30.0, 3_600.0), (300.0, 6 * 3_600.0)


class Letters:
    """One thread, where [alarms] names somebody."""

    def __init__(self, config: Config, shared: Shared) -> None:
        """SettingsError where no mail could be sent."""
        self._options = of_alarms(config)
        self._mailer = Mailer.configured(config, self._options)
        self._shared = shared
        self._failed = Backoff(AGAIN, REFUSED)

    def start(self) -> None:
        """From now on, until the stop event."""
        if self._mailer:
            threading.Thread(target=self._work, args=(self._mailer,), daemon=True).start()

    def _work(self, mailer: Mailer) -> None:
        backoff = Backoff()
        asked = ClaimLetter(worker=self._shared.worker)
        while not self._shared.stop.wait(LOOK_SECONDS):
            with outlived("no alarms are mailed", backoff, self._shared.stop):
                for letter in self._shared.client.claim_letter(asked):
                    told = self._send(mailer, letter)
                    self._shared.client.tell_letter(letter.mail, told)

    def _send(self, mailer: Mailer, letter: ClaimedLetter) -> TellLetter:
        try:
            mail = render(letter, self._options.sender, self._options.receivers)
            mailer.send(mail)
        except PostroomError as e:
            log.warning("alarms are not mailed: %s", e)
            pause = min(self._failed.pause(e), 86_400.0)
            return TellLetter(
                claim=letter.claim, sent=False, error=str(e)[:10_000], after_seconds=pause
            )
        self._failed.reset()
        log.info("alarms mailed to %s", ", ".join(self._options.receivers))
        return TellLetter(claim=letter.claim, sent=True)


def render(letter: ClaimedLetter, sender: str, receivers: tuple[str, ...]) -> EmailMessage:
    """The mail, the same at every try."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = sender, ", ".join(receivers)
    mail["Subject"] = _subject(letter)
    mail["Date"] = format_datetime(datetime.fromisoformat(letter.created))
    mail["Message-ID"] = letter.message_id
    # RFC 3834: nobody's machine shall answer.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(_text(letter)), cte="quoted-printable")
    html = "".join(_html(letter, mail["Subject"]))
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail


def _subject(letter: ClaimedLetter) -> str:
    counts = (
        (len(letter.opened), "new"),
        (len(letter.recovered), "recovered"),
        (len(letter.still_open), "still open"),
    )
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    first = next(iter((*letter.opened, *letter.recovered, *letter.still_open)), None)
    about = f": {shown.in_header(f'{first.kind} {first.source}', 100)}" if first else ""
    return f"Postroom alarms: {told}{about}"


def _parts(letter: ClaimedLetter) -> Iterator[tuple[str, list[ToldAlarm]]]:
    named = (
        ("New", letter.opened),
        ("Recovered", letter.recovered),
        ("Still open", letter.still_open),
    )
    yield from ((name, alarms) for name, alarms in named if alarms)


def _lines(alarm: ToldAlarm) -> tuple[str, str]:
    until = f" until {alarm.ended}" if alarm.ended else ""
    first = f"{shown.clean(alarm.source)}: {alarm.kind}, since {alarm.since}{until}"
    return first, shown.clean(alarm.text, 500)


def _text(letter: ClaimedLetter) -> Iterator[str]:
    for name, alarms in _parts(letter):
        yield f"{name} ({len(alarms)})"
        yield ""
        for first, more in map(_lines, alarms):
            yield f"* {first}"
            if more:
                yield f"  {more}"
        yield ""
    if letter.more:
        yield f"And {letter.more} more: see /v1/alarms."
    yield ""


def _html(letter: ClaimedLetter, title: str) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    yield f"<title>{escape(title)}</title></head>\n<body><h1>{escape(title)}</h1>\n"
    for name, alarms in _parts(letter):
        yield f"<h2>{name} ({len(alarms)})</h2>\n<ul>\n"
        for first, more in map(_lines, alarms):
            yield f"<li>{escape(first)}<br>{escape(more)}</li>\n"
        yield "</ul>\n"
    if letter.more:
        yield f"<p>And {letter.more} more: see /v1/alarms.</p>"
    yield "</body></html>\n"
