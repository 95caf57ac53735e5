"""A small IMAP server with the faults of servers that nobody can install."""

import re
import select
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader

from tests.servers.scripted import Scripted


class ScriptedImap(Scripted):
    """One folder, INBOX; the attributes are the faults, and may change while it runs."""

    def __init__(self, mails: dict[int, bytes]) -> None:
        super().__init__()
        self.mails = dict(mails)
        self.uidvalidity: int | None = 7
        self.tells_uidnext = True
        self.capabilities = "IMAP4rev1"
        #: What LOGIN answers, once each; then OK.
        self.logins: list[str] = []
        #: How often a UID is listed but not given.
        self.hidden: Counter[int] = Counter()
        #: How often the connection ends inside the literal of a UID.
        self.cuts: Counter[int] = Counter()
        #: From which byte of it on.
        self.cut_from = 0
        #: How often a body was asked for from its start.
        self.given: Counter[int] = Counter()
        #: Literal lengths that are announced instead of the true ones, before silence.
        self.announced: dict[int, int] = {}
        #: UIDs whose body is sent as a quoted string.
        self.quoted: set[int] = set()
        #: UIDs whose FETCH ends in NO.
        self.forbidden: set[int] = set()
        #: The same, only when no other is asked for with it.
        self.forbidden_alone: set[int] = set()
        #: UIDs whose size and header are refused with NO.
        self.untold: set[int] = set()
        #: How often the connection ends where size or header of a UID is asked for.
        self.tell_cuts: Counter[int] = Counter()
        #: Sizes that are told instead of the true ones.
        self.sizes: dict[int, int] = {}
        #: UIDs whose body is sent as NIL.
        self.nil: set[int] = set()
        #: What RFC822.SIZE is multiplied with.
        self.size_factor = 1.0
        #: Items in another order, unsolicited lines, short bodies as quoted strings.
        self.odd = False
        #: UIDs that go between SEARCH and FETCH.
        self.expunged: set[int] = set()
        #: Commands that end in BYE, once each; "" is the greeting.
        self.byes: list[str] = []
        self.bye = "closing, too busy"
        #: Commands at which the connection ends without a word, once each; "" is the greeting.
        self.ends: list[str] = []
        #: How often it says BYE to one that idles.
        self.idle_byes = 0
        #: UIDs whose size is left out of the answer.
        self.sizeless: set[int] = set()
        #: A line that is said before each body.
        self.noise = b""
        #: With a context it speaks TLS, at once or after STARTTLS.
        self.tls: ssl.SSLContext | None = None
        self.starttls = False
        self.greeting = b"* OK ready\r\n"
        #: What follows the answer to STARTTLS in the clear.
        self.injected = b""
        #: Whether it falls silent in IDLE.
        self.deaf = False
        #: UIDs that anybody has marked as deleted.
        self.deleted: set[int] = set()
        #: Whether UID EXPUNGE is refused.
        self.keeps = False
        #: A pattern of commands that it never answers; r"\*" is the greeting.
        self.frozen = ""
        #: Threads whose client is logged in, and the most at the same time.
        self.logged_in: set[int] = set()
        self.most_logged_in = 0
        #: How many mails each thread has told its client of.
        self._counted: dict[int, int] = {}

    def serve(self, peer: socket.socket) -> None:
        try:
            if self.frozen == r"\*":
                self.ended.wait()
            if self.tls and not self.starttls:
                peer = self.tls.wrap_socket(peer, server_side=True)
            for piece in self._end(""):
                peer.sendall(piece)
            peer.sendall(self.greeting)
            self._converse(peer)
        except (OSError, _CutError):
            pass
        finally:
            self.logged_in.discard(threading.get_ident())
            # Not at once with a reset: what was said last is to be heard.
            with suppress(OSError):
                peer.shutdown(socket.SHUT_WR)
            peer.close()

    def _converse(self, peer: socket.socket) -> None:
        with peer.makefile("rb") as lines:
            for line in lines:
                tag, _, command = line.decode("utf-8", "replace").strip().partition(" ")
                self.commands.append(command)
                for piece in self._answer(tag, command, lines):
                    peer.sendall(piece)
                if command == "STARTTLS" and self.tls:
                    break
            else:
                return
        with self.tls.wrap_socket(peer, server_side=True) as secure:
            self._converse(secure)

    def _end(self, command: str) -> Iterator[bytes]:
        """BYE or the end of the connection, if it is time."""
        for times, last in ((self.byes, f"* BYE {self.bye}\r\n"), (self.ends, "")):
            if times and (command.startswith(times[0]) if times[0] else not command):
                times.pop(0)
                yield last.encode()
                raise _CutError

    def _answer(self, tag: str, command: str, lines: BufferedReader) -> Iterator[bytes]:
        yield from self._end(command)
        if self.frozen and re.match(self.frozen, command):
            self.ended.wait()
        name = command.upper().split(" ")[0]
        if name == "LOGIN":
            self.logged_in.add(threading.get_ident())
            self.most_logged_in = max(self.most_logged_in, len(self.logged_in))
        elif name == "LOGOUT":
            self.logged_in.discard(threading.get_ident())
        if name == "IDLE":
            yield b"+ idling\r\n"
            if self.idle_byes:
                self.idle_byes -= 1
                yield f"* BYE {self.bye}\r\n".encode()
                raise _CutError
            yield from self._news(lines)
            self.commands.append(next(lines, b"").decode().strip())
            if self.deaf:
                self.ended.wait()
        yield from self._untagged(name, command)
        yield f"{tag} {self._completion(name, command)}\r\n".encode() + (
            self.injected if name == "STARTTLS" else b""
        )
        if name == "LOGOUT":
            raise _CutError

    def _untagged(self, name: str, command: str) -> Iterator[bytes]:
        match name:
            case "CAPABILITY":
                yield f"* CAPABILITY {self.capabilities}\r\n".encode()
            case "EXAMINE" | "SELECT":
                yield self._examine()
            case "UID" if "SEARCH" in command.upper():
                yield self._search(command)
            case "UID" if "STORE" in command.upper():
                uids = self._uids(command.split(" ")[2])
                self.deleted = self.deleted - uids if " -" in command else self.deleted | uids
            case "UID" if "EXPUNGE" in command.upper():
                for uid in self._uids(command.split(" ")[2]) & self.deleted:
                    if not self.keeps:
                        del self.mails[uid]
            case "UID":
                yield from self._fetch(command)

    def _completion(self, name: str, command: str) -> str:
        if name == "LOGIN" and self.logins:
            return self.logins.pop(0)
        if "EXPUNGE" in command and self.keeps:
            return "NO not now"
        if "FETCH" in command and self._refuses(command):
            return "NO some messages could not be fetched"
        return "OK done"

    def _refuses(self, command: str) -> bool:
        uids = self._uids(command.split(" ")[2])
        if "RFC822.SIZE" in command and uids & self.untold:
            return True
        alone = len(uids) == 1 and bool(uids & self.forbidden_alone)
        return "BODY" in command and (alone or bool(uids & self.forbidden))

    def _news(self, lines: BufferedReader) -> Iterator[bytes]:
        """Until the client says something: how many mails there are, when that is news to it."""
        while not select.select([lines], [], [], 0.05)[0]:
            if self._counted.get(threading.get_ident()) != (count := len(self.mails)):
                self._counted[threading.get_ident()] = count
                yield f"* {count} EXISTS\r\n".encode()

    def _examine(self) -> bytes:
        self._counted[threading.get_ident()] = len(self.mails)
        told = [f"* {len(self.mails)} EXISTS", "* 0 RECENT", "* FLAGS (\\Seen)"]
        if self.uidvalidity is not None:
            told.append(f"* OK [UIDVALIDITY {self.uidvalidity}] valid")
        if self.tells_uidnext:
            told.append(f"* OK [UIDNEXT {max(self.mails, default=0) + 1}] next")
        return "".join(f"{line}\r\n" for line in told).encode()

    def _search(self, command: str) -> bytes:
        criteria = command.upper().split(" ")[2:]
        if criteria[0] == "UID":
            found = sorted(self._uids(criteria[1]) & set(self.mails))
        else:
            found = self._numbered(criteria[0])
        answer = f"* SEARCH {' '.join(map(str, found))}".rstrip() + "\r\n"
        for uid in self.expunged:
            self.mails.pop(uid, None)
        return answer.encode()

    def _numbered(self, numbers: str) -> list[int]:
        low, _, high = numbers.partition(":")
        ordered = sorted(self.mails)
        return ordered if low == "ALL" else ordered[int(low) - 1 : int(high or low)]

    def _uids(self, sequence: str) -> set[int]:
        found: set[int] = set()
        for part in sequence.split(","):
            low, _, high = part.partition(":")
            found |= {u for u in self.mails if int(low) <= u <= int(high or low)}
            # RFC 3501: the order of the two does not matter, and they need not exist.
        return found

    def _fetch(self, command: str) -> Iterator[bytes]:
        _, _, sequence, items = command.split(" ", 3)
        for uid in sorted(self._uids(sequence)):
            raw = self.mails[uid]
            number = sorted(self.mails).index(uid) + 1
            if "BODY" not in items or "HEADER" in items:
                if self.tell_cuts[uid]:
                    self.tell_cuts[uid] -= 1
                    raise _CutError
                yield self._told(number, uid, items, raw)
            elif self.hidden[uid]:
                self.hidden[uid] -= 1
            elif uid not in self.forbidden:
                yield from self._body(number, uid, items, raw)

    def _told(self, number: int, uid: int, items: str, raw: bytes) -> bytes:
        size = f"RFC822.SIZE {self.sizes.get(uid, int(len(raw) * self.size_factor))}"
        size = "FLAGS ()" if uid in self.sizeless else size
        if "HEADER" not in items:
            return f"* {number} FETCH ({size} UID {uid})\r\n".encode()
        header = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        if "MESSAGE-ID" in items:
            header = b"".join(re.findall(rb"(?im)^message-id:.*\r\n", header)) + b"\r\n"
        section = re.search(r"BODY\.PEEK(\[.*\])", items)
        assert section
        opening = f"* {number} FETCH (UID {uid} {size} BODY{section[1]} {{{len(header)}}}\r\n"
        return opening.encode() + header + b")\r\n"

    def _body(self, number: int, uid: int, items: str, raw: bytes) -> Iterator[bytes]:
        origin, start = "", 0
        if partial := re.search(r"<(\d+)\.(\d+)>", items):
            start, length = int(partial[1]), int(partial[2])
            raw, origin = raw[start : start + length], f"<{start}>"
        self.given[uid] += not start
        yield self.noise
        if uid in self.nil:
            yield f"* {number} FETCH (UID {uid} BODY[]{origin} NIL)\r\n".encode()
            return
        if uid in self.quoted:
            text = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
            yield b'* %d FETCH (BODY[] "%s" UID %d)\r\n' % (number, text, uid)
            return
        length = self.announced.get(uid, len(raw))
        if self.odd:
            yield f"* {number} FETCH (FLAGS (\\Seen))\r\n* {len(self.mails)} EXISTS\r\n".encode()
            yield f"* {number} FETCH (FLAGS () BODY[]{origin} {{{length}}}\r\n".encode()
        else:
            yield f"* {number} FETCH (UID {uid} BODY[]{origin} {{{length}}}\r\n".encode()
        if self.cuts[uid] and start >= self.cut_from:
            self.cuts[uid] -= 1
            yield raw[: len(raw) // 2]
            raise _CutError
        yield raw
        yield f" UID {uid})\r\n".encode() if self.odd else b")\r\n"


class _CutError(Exception):
    pass
