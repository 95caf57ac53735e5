"""A POP3 connection that reads lines of any length, in bounded memory and bounded time.

poplib itself gives up at 2,048 bytes of a line, reads whole mails into lists, waits for ever as
long as a byte comes now and then, and does not verify TLS.
"""

import base64
import io
import poplib
import socket
import ssl
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any

from ...auth import sasl

#: Bytes of the first line of an answer, and of a listing.
MAX_LINE = 64 * 1024
MAX_ANSWER = 64 * 1024 * 1024
#: Longer lines of mails come in pieces.
PIECE = 64 * 1024
CONNECT_SECONDS = 20.0
#: Bytes per second; whatever is slower is hung.
SLOWEST = 1_000


class Paced(io.RawIOBase):
    """What a socket receives; an answer that only trickles ends in TimeoutError."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._seconds = seconds
        self._waited = 0.0
        self._came = 0
        #: Bytes since the beginning.
        self.total = 0

    def begin(self, seconds: float) -> None:
        """The next answer has its own time."""
        self._seconds, self._waited, self._came = seconds, 0.0, 0

    def readable(self) -> bool:
        """For BufferedReader."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Only the time that is spent waiting here counts: readers may be slow themselves."""
        if self._waited > self._seconds + self._came / SLOWEST:
            raise TimeoutError("the server is too slow")
        began = time.monotonic()
        count = self._sock.recv_into(buffer)
        self._waited += time.monotonic() - began
        self._came += count
        self.total += count
        return count


def _base64(message: bytes) -> str:
    return base64.b64encode(message).decode()


class Connection(poplib.POP3):
    """Commands one after another; whatever comes unasked ends it, so that no answer is mistaken."""

    def __init__(
        self, host: str, port: int, implicit: ssl.SSLContext | None, seconds: float
    ) -> None:
        # Not poplib's own, which reads the greeting with a file of its own.
        self.host, self.port = host, port
        self._tls_established = implicit is not None
        self._debugging = 0
        self._seconds = seconds
        #: Whether a mail is only partly read: then no command can follow.
        self._reading = False
        self.sock = socket.create_connection((host, port), min(seconds, CONNECT_SECONDS))
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if implicit:
                self.sock = implicit.wrap_socket(self.sock, server_hostname=host)
            self._read_from(self.sock)
            self.welcome = self._getresp()
        except BaseException:
            self.sock.close()
            raise

    def _read_from(self, sock: socket.socket) -> None:
        sock.settimeout(self._seconds)
        self.sock = sock
        self._paced = Paced(sock, self._seconds)
        self.file = io.BufferedReader(self._paced, PIECE)
        #: Of the paced bytes, what was taken.
        self._taken = 0

    def encrypt(self, context: ssl.SSLContext) -> None:
        """STLS (RFC 2595); nothing that was said before may count after it."""
        self._ask("STLS")
        if self._unasked():
            raise ConnectionError("the server speaks before the encryption has begun")
        self._read_from(context.wrap_socket(self.sock, server_hostname=self.host))
        self._tls_established = True

    def capabilities(self) -> dict[str, list[str]] | None:
        """What the server says it can (RFC 2449); None when it does not say."""
        try:
            words = [line.decode("ascii", "replace").split() for line in self._lines("CAPA")]
        except poplib.error_proto:
            return None
        return {word[0].upper(): word[1:] for word in words if word}

    def bear(self, way: sasl.Mechanism, user: str, token: str) -> None:
        """Log in by an access token (RFC 5034)."""
        self._ask(f"AUTH {way.name}")
        # On a line of its own: with the command, it would be longer than a command may be.
        answer = self._ask(_base64(way.first(user, token, self.host, self.port)))
        if not answer.upper().startswith(b"+OK"):
            # An explanation, which the server's -ERR follows.
            self._ask(_base64(way.end))

    def numbered(self, command: str) -> dict[int, bytes]:
        """The answer to LIST or UIDL: what stands behind each message number."""
        told: dict[int, bytes] = {}
        for line in self._lines(command):
            number, _, rest = line.strip().partition(b" ")
            if number.isdigit() and len(number) < 11:
                told.setdefault(int(number), rest.strip())
        return told

    def _lines(self, command: str) -> Iterator[bytes]:
        began = self._taken
        for line in self.mail(command):
            if self._taken - began > MAX_ANSWER:
                raise ValueError(f"over {MAX_ANSWER:,} bytes")
            yield line

    def mail(self, command: str) -> Generator[bytes]:
        """The answer to RETR or TOP: its lines, of which long ones come in pieces."""
        self._ask(command)
        self._reading, starts = True, True
        while True:
            line = self._line(PIECE)
            if starts and line in {b".\r\n", b".\n"}:
                break
            # A server that forgets to double a dot is forgiven.
            yield line[1:] if starts and line.startswith(b"..") else line
            starts = line.endswith(b"\n")
        self._reading = False

    def goodbye(self, seconds: float) -> None:
        """QUIT, so that the server unlocks the maildrop at once."""
        with suppress(Exception):
            self.sock.settimeout(seconds)
            self._seconds = seconds
            self.quit()
        with suppress(Exception):
            self.close()

    def _ask(self, command: str) -> bytes:
        self._putline(command.encode())
        return self._getresp()

    # --- what poplib's own methods stand on

    def _putline(self, line: bytes) -> None:
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise ValueError("a command has one line")
        if self._reading:
            raise EOFError("a mail was left in the middle")
        if self._unasked():
            raise EOFError("the server ended the session, or spoke unasked")
        self._paced.begin(self._seconds)
        self.sock.sendall(line + b"\r\n")

    def _unasked(self) -> bool:
        if self._paced.total > self._taken:
            return True
        self.sock.settimeout(0)
        try:
            # What comes is of no use: the connection is given up.
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        finally:
            self.sock.settimeout(self._seconds)
        return True

    def _line(self, most: int) -> bytes:
        line: bytes = self.file.readline(most)
        self._taken += len(line)
        if len(line) < most and not line.endswith(b"\n"):
            raise EOFError("the server closed the connection")
        return line

    def _getline(self) -> tuple[bytes, int]:
        line = self._line(MAX_LINE)
        if not line.endswith(b"\n"):
            raise ValueError(f"a line of over {MAX_LINE:,} bytes")
        return line.rstrip(b"\r\n"), len(line)

    def _getresp(self) -> bytes:
        line, _ = self._getline()
        if line.startswith(b"+"):
            return line
        if line[:4].upper() == b"-ERR":
            raise poplib.error_proto(line[4:].strip().decode("utf-8", "replace"))
        # Whose answer would the next line be?
        raise ValueError(repr(line[:80]))
