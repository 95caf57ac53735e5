"""A small POP3 server with the faults of servers that nobody can install."""

import re
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from tests.servers.scripted import Scripted


class ScriptedPop3(Scripted):
    """Each session sees `mails` as they were at its login; the other attributes are the faults."""

    def __init__(self, mails: dict[str, bytes]) -> None:
        super().__init__()
        #: By UIDL, in the order of the message numbers.
        self.mails = dict(mails)
        #: UIDLs that are told instead of the true ones; None: the line is missing.
        self.uidls: dict[str, str | None] = {}
        #: What CAPA tells; None: there is no CAPA.
        self.capabilities: list[str] | None = ["TOP", "UIDL", "USER"]
        #: Commands that the server does not know, or refuses always.
        self.unknown: set[str] = set()
        #: What the greeting and PASS answer, once each; then +OK.
        self.greetings: list[str] = []
        self.logins: list[str] = []
        #: How often RETR and TOP of a mail are refused, and with what.
        self.refused: Counter[str] = Counter()
        self.untold: Counter[str] = Counter()
        self.refusal = "-ERR cannot read that"
        #: How often the connection ends in the middle of a mail.
        self.cuts: Counter[str] = Counter()
        #: Sizes that LIST tells instead of the true ones.
        self.sizes: dict[str, int] = {}
        #: Mails whose last line and dot run together, and then silence.
        self.endless: set[str] = set()
        #: Mails that go on for so many bytes, whatever LIST says.
        self.flood: dict[str, int] = {}
        #: Commands after which nothing comes any more, or a byte now and then.
        self.frozen: set[str] = set()
        self.trickles: set[str] = set()
        #: What is sent along with the answer to a command, behind it.
        self.unasked: dict[str, bytes] = {}
        #: Mails that come between LIST and UIDL of the next session.
        self.late: dict[str, bytes] = {}
        #: For STLS, or from the beginning; and what is sent along with its answer, in the clear.
        self.tls: ssl.SSLContext | None = None
        self.implicit = False
        self.injected = b""
        #: What QUIT answers, once each, "" nothing at all; and whether it deletes all the same.
        self.quits: list[str] = []
        self.deletes = True
        #: So many logins after such an answer find the maildrop in use yet.
        self.lingers = 0
        #: Sessions at the same time are refused, as RFC 1939 asks.
        self.locks = True
        self.sessions = 0
        self._locked = threading.Lock()
        self._lingering = 0

    def serve(self, peer: socket.socket) -> None:
        _Session(self, peer).serve()

    def take(self) -> bool:
        """The maildrop's lock."""
        if self._lingering:
            self._lingering -= 1
            return False
        return not self.locks or self._locked.acquire(blocking=False)

    def linger(self) -> None:
        """Be at the end of a session yet."""
        self._lingering = self.lingers

    def release(self) -> None:
        if self._locked.locked():
            self._locked.release()

    def freeze(self) -> None:
        self.ended.wait()


class _Session:
    def __init__(self, server: ScriptedPop3, peer: socket.socket) -> None:
        self._server = server
        self._peer = peer
        self._names: list[str] = []
        self._mails: dict[str, bytes] = {}
        self._holds = False
        self._deleted: set[str] = set()

    def serve(self) -> None:
        server = self._server
        try:
            if server.tls and server.implicit:
                self._encrypt(server.tls)
            self._peer.sendall(_line(server.greetings.pop(0) if server.greetings else "+OK ready"))
            while line := self._readline():
                command = line.decode().strip()
                server.commands.append(command)
                self._carry_out(command)
        except (OSError, _CutError):
            pass
        finally:
            self._unlock()
            with suppress(OSError):
                self._peer.shutdown(socket.SHUT_RDWR)
            self._peer.close()

    def _encrypt(self, tls: ssl.SSLContext) -> None:
        self._peer = tls.wrap_socket(self._peer, server_side=True)

    def _unlock(self) -> None:
        if self._holds:
            self._holds = False
            self._server.release()

    def _readline(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            byte = self._peer.recv(1)
            if not byte:
                return b""
            line += byte
        return line

    def _carry_out(self, command: str) -> None:
        server, name = self._server, command.split(" ", maxsplit=1)[0].upper()
        if name in server.frozen:
            server.freeze()
        if name in server.trickles:
            while not server.ended.wait(0.02):
                self._peer.sendall(b"x")
        answer = self._answer(name, command.partition(" ")[2])
        if name in server.unasked:
            # In one go, so that it is there when the next command is.
            answer = iter([b"".join(answer) + server.unasked[name]])
        for piece in answer:
            self._peer.sendall(piece)
        if name == "STLS" and server.tls and name not in server.unknown:
            self._encrypt(server.tls)
        if name == "QUIT":
            raise _CutError

    def _answer(self, name: str, rest: str) -> Iterator[bytes]:
        server = self._server
        if name in server.unknown:
            yield b"-ERR unknown command\r\n"
            return
        match name:
            case "CAPA" if server.capabilities is None:
                yield b"-ERR unknown command\r\n"
            case "CAPA":
                yield _lines(server.capabilities or [])
            case "PASS":
                yield _line(self._login())
            case "LIST":
                yield _lines(f"{n} {self._size(key)}" for n, key in enumerate(self._names, 1))
                self._see(server.late)
            case "UIDL":
                yield _lines(self._uidls())
            case "RETR" | "TOP":
                yield from self._mail(name, rest)
            case "DELE" | "RSET" | "QUIT":
                yield self._delete(name, rest)
            case "STLS":
                yield b"+OK begin\r\n" + server.injected
            case _:
                yield b"+OK\r\n"

    def _delete(self, name: str, rest: str) -> bytes:
        server = self._server
        if name == "DELE":
            self._deleted.add(self._names[int(rest) - 1])
        if name == "RSET":
            self._deleted.clear()
        if name != "QUIT":
            return b"+OK\r\n"
        # Whoever hears the answer may come again at once.
        self._unlock()
        answer = "+OK"
        if server.quits and self._deleted:
            answer = server.quits.pop(0)
            server.linger()
        for key in self._deleted if server.deletes else ():
            server.mails.pop(key, None)
        return _line(answer) if answer else b""

    def _login(self) -> str:
        server = self._server
        if server.logins:
            return server.logins.pop(0)
        if not server.take():
            return "-ERR [IN-USE] another session has it"
        self._holds = True
        server.sessions += 1
        self._see(server.mails)
        return "+OK logged in"

    def _see(self, mails: dict[str, bytes]) -> None:
        self._mails.update(mails)
        self._names = list(self._mails)

    def _size(self, key: str) -> int:
        return self._server.sizes.get(key, len(self._mails[key]))

    def _uidls(self) -> Iterator[str]:
        for number, key in enumerate(self._names, 1):
            told = self._server.uidls.get(key, key)
            if told is not None:
                yield f"{number} {told}"

    def _mail(self, name: str, rest: str) -> Iterator[bytes]:
        server, number = self._server, int(rest.split(" ", maxsplit=1)[0])
        if not 0 < number <= len(self._names):
            yield b"-ERR no such message\r\n"
            return
        key = self._names[number - 1]
        refused = server.refused if name == "RETR" else server.untold
        if refused[key]:
            refused[key] -= 1
            yield _line(server.refusal)
            return
        yield b"+OK here it is\r\n"
        raw = self._mails[key]
        if name == "TOP":
            yield stuffed(raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
            return
        if server.cuts[key]:
            server.cuts[key] -= 1
            yield raw[: len(raw) // 2]
            raise _CutError
        for _ in range(server.flood.get(key, 0) // 100_000):
            yield b"x" * 99_998 + b"\r\n"
        if key in server.endless:
            yield raw.rstrip(b"\r\n") + b".\r\n"
            server.freeze()
        yield stuffed(raw)


def stuffed(raw: bytes) -> bytes:
    """A mail as POP3 sends it: dots doubled, the end marked (RFC 1939, section 3)."""
    ended = raw if raw.endswith(b"\n") or not raw else raw + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n"


def _line(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape") + b"\r\n"


def _lines(texts: "Iterator[str] | list[str]") -> bytes:
    return b"+OK\r\n" + b"".join(_line(text) for text in texts) + b".\r\n"


class _CutError(Exception):
    pass
