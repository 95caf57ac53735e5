"""Mail to one SMTP server, and what went wrong in words."""

import logging
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Self

from postroom import credentials, tls
from postroom.errors import PostroomError, SourceError, TemporaryError
from postroom.settings import Config, Digest

from . import shown
from .digest_options import NAME, options, require_safe
from .smtp import connected, log_in, plain

log = logging.getLogger(__name__)

#: Seconds until the next try: when the server is away, and when it says "later" (greylisting).
AWAY = 60.0
LATER = 300.0
_PORTS = {"ssl": 465, "starttls": 587, "none": 25}


class Mailer:
    """Sends from one sender to the same receivers; a connection for each mail."""

    def __init__(self, told: Digest, password: str = "", ca_file: Path | None = None) -> None:
        self._told = told
        self._password = password
        self._context = None if told.tls == "none" else tls.context(ca_file)
        self._port = told.port or _PORTS[told.tls]
        (self._sender,) = _envelope(told.sender)
        self._receivers = [at for each in told.receivers for at in _envelope(each)]
        self._user = told.user or self._sender

    @classmethod
    def configured(cls, config: Config, told: Digest | None = None) -> Self | None:
        """The mailer of [digest], or of `told` by its server; None where nobody is to be told.

        SettingsError if it is wrong.
        """
        told = told or options(config)
        if not told.receivers:
            return None
        with config.blaming(NAME, "password_file"):
            password = credentials.from_environment("POSTROOM_DIGEST_PASSWORD")
            if not password and told.password_file:
                password = credentials.read_private(config.path_of(told.password_file))
        with config.blaming(NAME, "tls"):
            require_safe(told, password)
        with config.blaming(NAME, "ca_file"):
            return cls(told, password, config.path_of(told.ca_file) if told.ca_file else None)

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"{self._told.server} port {self._port}"

    def send(self, mail: EmailMessage) -> list[str]:
        """Hand the mail over; the receivers that were refused where others were not.

        TemporaryError: later; SourceError: somebody has to look. Even then it may have gone out:
        send it again under the same Message-ID.
        """
        with self._session() as smtp, self._telling("the mail"):
            refused = smtp.send_message(mail, self._sender, self._receivers)
        for receiver, answer in refused.items():
            log.warning("%s: %s is refused: %s", self.title, receiver, self._words(*answer))
        return list(refused)

    def check(self) -> str:
        """Connect, encrypt, log in, and go without a mail; a sentence on what was found."""
        with self._session() as smtp, self._telling("a greeting"):
            smtp.ehlo_or_helo_if_needed()
        how = f"logged in as {self._user}" if self._password else "without a login"
        return f"{self.title} answers, tls = {self._told.tls}, {how}"

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        told = self._told
        with self._telling("connecting"):
            implicit = self._context if told.tls == "ssl" else None
            smtp = connected(told.server, self._port, told.timeout_seconds, implicit)
        try:
            self._begin(smtp)
            yield smtp
            # What was said is done: how the server says goodbye changes nothing.
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
        finally:
            smtp.close()

    def _begin(self, smtp: smtplib.SMTP) -> None:
        if self._told.tls == "starttls":
            with self._telling("STARTTLS"):
                smtp.starttls(context=self._context)
        if self._password:
            with self._telling(f"the login of {self._user}"):
                log_in(smtp, self._user, self._password)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Turn whatever smtplib, the socket or TLS raises into our errors; `what` was going on."""
        where = f"{self.title}: {what}"
        try:
            yield
        except smtplib.SMTPException as e:
            raise self._refused(where, e) from e
        except (OSError, ValueError) as e:
            # ValueError: smtplib meets what no server should say.
            if wrong := tls.fault(e):
                raise SourceError(f"{where}: {wrong}") from e
            raise TemporaryError(f"{where}: {str(e) or 'no answer in time'}", AWAY) from e

    def _refused(self, where: str, e: smtplib.SMTPException) -> PostroomError:
        match e:
            case smtplib.SMTPRecipientsRefused():
                answers = e.recipients
                words = "; ".join(f"{to}: {self._words(*said)}" for to, said in answers.items())
                text = f"{where}: every receiver is refused: {words}"
                # One that may come later keeps the others waiting: the mail went to nobody yet.
                return _later_or_never(text, min(code for code, _ in answers.values()))
            case smtplib.SMTPResponseException(smtp_code=-1):
                return SourceError(f"{where}: what answers there speaks no SMTP: see port =")
            case smtplib.SMTPResponseException():
                words = self._words(e.smtp_code, e.smtp_error)
                return _later_or_never(f"{where} is refused: {words}", e.smtp_code)
            case smtplib.SMTPServerDisconnected():
                return TemporaryError(f"{where}: the connection broke: {e}", AWAY)
            case _:
                return SourceError(f"{where}: {_lacking(str(e))}")

    def _words(self, code: int, said: bytes | str) -> str:
        """What the server said, without what it may have learnt from us."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        for secret in filter(None, (self._password, plain(self._user, self._password))):
            text = text.replace(secret, "***")
        return f"{code} {shown.clean(text)}"


def _later_or_never(text: str, code: int) -> PostroomError:
    return TemporaryError(text, LATER) if 400 <= code < 500 else SourceError(text)


def _lacking(told: str) -> str:
    """What smtplib says of a server that cannot do what is needed, and what to do."""
    if told.startswith("STARTTLS"):
        return "the server does not offer it: set tls = ssl, or ask who runs the server"
    if "AUTH" in told or "authentication" in told:
        return "the server has no way to log in that we know: see server =, port = and tls ="
    if "SMTPUTF8" in told:
        return "the server takes no address with letters beyond ASCII before its @"
    return told


def _envelope(text: str) -> list[str]:
    """The bare addresses of a From or To."""
    return [address.addr_spec for address in SMTP.header_factory("to", text).addresses]
