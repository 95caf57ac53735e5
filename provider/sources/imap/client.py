"""An IMAP connection that reads only what it has room for."""

import imaplib
import socket
import ssl
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError
from imapclient.imap4 import IMAP4WithTimeout
from imapclient.tls import IMAP4_TLS

from postroom.errors import SourceError

from ...auth import sasl
from ..strikes import LargerError
from .answers import Answer, fetch

#: Bytes of one literal; batches and parts are half of that, and servers err about sizes.
MAX_LITERAL = 8 * 1024 * 1024
#: Bytes of all that one answer may hold.
MAX_ANSWER = 64 * 1024 * 1024
CONNECT_SECONDS = 20.0


class LiteralError(LargerError):
    """The server announces more than there is room for."""


class _Bounded:
    """imaplib's way to read, with bounds, on a socket that does not dawdle."""

    _room = MAX_ANSWER
    _bye = b""

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        sock: socket.socket = super()._create_socket(timeout)  # type: ignore[misc]
        # imapclient writes commands in small pieces: Nagle would cost 40 ms each.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return sock

    def _simple_command(self, name: str, *arguments: Any) -> Any:
        answer = super()._simple_command(name, *arguments)  # type: ignore[misc]
        if name == "STARTTLS" and self._has_more():
            raise SourceError(
                "the server says more than it should before TLS begins: "
                "somebody may have got between; set tls = ssl where the server has it"
            )
        return answer

    def _has_more(self) -> bool:
        """Whether something came in the clear that would be read as if it came by TLS."""
        # From Python 3.14 on, imaplib keeps it there.
        if getattr(self, "_readbuf", None):
            return True
        sock, file = self.sock, self.file  # type: ignore[attr-defined]
        seconds = sock.gettimeout()
        sock.settimeout(0)
        try:
            return bool(file.peek(1))
        finally:
            sock.settimeout(seconds)

    def _new_tag(self) -> bytes:
        self._room = MAX_ANSWER
        tag: bytes = super()._new_tag()  # type: ignore[misc]
        return tag

    def read(self, size: int) -> bytes:
        self._room -= size
        if size > MAX_LITERAL or self._room < 0:
            raise LiteralError(f"the server announces a literal of {size:,} bytes", 0.0)
        data: bytes = super().read(size)  # type: ignore[misc]
        return data

    def readline(self) -> bytes:
        try:
            line: bytes = super().readline()  # type: ignore[misc]
        except imaplib.IMAP4.error as e:
            # A line longer than any: what follows on this connection is the rest of it.
            raise imaplib.IMAP4.abort(str(e)) from e
        if line[:5].upper() == b"* BYE":
            self._bye = line
        elif not line and self._bye:
            # Why it goes, and for how long, is worth more than that it went.
            raise imaplib.IMAP4.abort(self._bye[2:].strip().decode("utf-8", "replace"))
        self._room -= len(line)
        if self._room < 0:
            raise LiteralError(f"the server's answer is over {MAX_ANSWER:,} bytes", 0.0)
        return line


class _Plain(_Bounded, IMAP4WithTimeout):  # type: ignore[misc]
    pass


class _Tls(_Bounded, IMAP4_TLS):  # type: ignore[misc]
    pass


class Client(IMAPClient):  # type: ignore[misc]
    """imapclient without its costs: it formats every literal for a log that nobody reads."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, timeout: float) -> None:
        timeouts = SocketTimeout(connect=min(timeout, CONNECT_SECONDS), read=timeout)
        super().__init__(host, port, ssl=tls is not None, ssl_context=tls, timeout=timeouts)
        self._imap.debug = 0

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - imapclient's name
        seconds = self._timeout.connect
        if self.ssl:
            return _Tls(self.host, self.port, self.ssl_context, seconds)
        return _Plain(self.host, self.port, seconds)

    def uid_search(self, criteria: str) -> list[int]:
        """The UIDs that a UID SEARCH finds."""
        # What came unasked before would be taken for the answer.
        self._imap.untagged_responses.pop("SEARCH", None)
        typ, lines = self._imap.uid("SEARCH", criteria)
        self._checkok("SEARCH", typ, lines)
        return [int(uid) for line in lines for uid in (line or b"").split()]

    def uid_fetch(self, uids: str, items: str) -> list[Answer]:
        """What the server says of these UIDs."""
        return fetch(self._imap, uids, items)

    def uid_store(self, uids: str, change: str) -> None:
        """Change flags of these UIDs, silently: `change` is +FLAGS.SILENT (...) or the like."""
        name, _, flags = change.partition(" ")
        typ, lines = self._imap.uid("STORE", uids, name, flags)
        self._checkok("STORE", typ, lines)

    def uid_expunge_only(self, uids: str) -> None:
        """UID EXPUNGE (RFC 4315): of these UIDs alone, those that are marked as deleted."""
        # imaplib itself knows EXPUNGE only, which takes what others have marked.
        typ, lines = self._imap.uid("EXPUNGE", uids)
        self._checkok("EXPUNGE", typ, lines)

    def told_exists(self) -> int | None:
        """The last EXISTS that the server told since the folder was selected."""
        counts = self._imap.untagged_responses.get("EXISTS")
        return int(counts[-1]) if counts else None

    def login_as(self, user: str, password: str) -> None:
        """Log in by LOGIN, or by PLAIN where LOGIN cannot carry the characters."""
        if (user + password).isascii() and not self.has_capability("LOGINDISABLED"):
            # imaplib quotes the password only.
            self.login('"{}"'.format(user.replace("\\", "\\\\").replace('"', '\\"')), password)
        else:
            self.plain_login(user, password)

    def bear(self, user: str, token: str) -> None:
        """Log in by an access token, the way that the server offers."""
        offered = {text.decode("ascii", "replace").upper() for text in self.capabilities()}
        way = sasl.chosen({text.removeprefix("AUTH=") for text in offered})
        if way is None:
            raise SourceError(f"{self.host} takes no OAuth2 login: set auth = password")
        # A second challenge is an explanation, which the server's NO follows.
        messages = iter((way.first(user, token, self.host, self.port), way.end))
        try:
            self._command_and_check("authenticate", way.name, lambda _: next(messages, None))
        except IMAPClientError as e:
            raise LoginError(str(e)) from e
