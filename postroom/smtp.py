"""An SMTP connection that believes nothing said before TLS, and always comes to an end."""

import base64
import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from typing import Any

#: A server that dawdles may take so many time-outs for one mail.
PATIENCE = 10


class Connection(smtplib.SMTP):
    """smtplib.SMTP, for STARTTLS or for no TLS."""

    _limit: threading.Timer | None = None

    def connect(self, *where: Any, **options: Any) -> tuple[int, bytes]:
        """Connect, and hear the greeting."""
        # Each answer has its time-out, but one byte now and then would keep it from ending.
        self._limit = threading.Timer(self.timeout * PATIENCE, self._cut)
        self._limit.daemon = True
        self._limit.start()
        try:
            return super().connect(*where, **options)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the connection go."""
        if self._limit:
            self._limit.cancel()
        super().close()

    def docmd(self, cmd: str, args: str = "") -> tuple[int, bytes]:
        """Say a command and hear its answer."""
        answer = super().docmd(cmd, args)
        if cmd == "STARTTLS" and self._has_more():
            raise smtplib.SMTPException(
                "the server says more than it should before TLS begins: "
                "somebody may have got between; set tls = ssl where the server has it"
            )
        return answer

    def _has_more(self) -> bool:
        """Whether something came in the clear that would be read as if it came by TLS."""
        if self.sock is None or self.file is None:
            return False
        seconds = self.sock.gettimeout()
        self.sock.settimeout(0)
        try:
            return bool(self.file.peek(1))
        finally:
            self.sock.settimeout(seconds)

    def _cut(self) -> None:
        with suppress(OSError):
            if self.sock:
                self.sock.shutdown(socket.SHUT_RDWR)


class TlsConnection(Connection, smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""


def connected(
    host: str, port: int, seconds: float, implicit: ssl.SSLContext | None
) -> smtplib.SMTP:
    """A connection that was greeted; with a context for `implicit`, by TLS."""
    if implicit:
        return TlsConnection(host, port, timeout=seconds, context=implicit)
    return Connection(host, port, timeout=seconds)


def log_in(smtp: smtplib.SMTP, user: str, password: str) -> None:
    """By whatever the server offers; SMTPAuthenticationError when it says no."""
    if (user + password).isascii():
        smtp.login(user, password)
        return
    # smtplib knows ASCII alone; RFC 4616 has UTF-8.
    smtp.ehlo_or_helo_if_needed()
    code, said = smtp.docmd("AUTH", f"PLAIN {plain(user, password)}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, said)


def plain(user: str, password: str) -> str:
    """What AUTH PLAIN says (RFC 4616)."""
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode("ascii")
