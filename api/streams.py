"""Open streams of events: one thread reads the log and writes to all who listen.

A server hands a connection over once its head is sent, so that no stream holds a thread. A stream
is given a page of the log only when all before it is sent: one that is slow lags, and costs no
memory.
"""

import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from postroom.errors import TemporaryError

from . import eventlog
from .eventlog import Selection
from .models import Event
from .schema.migrations import feed_epoch

log = logging.getLogger(__name__)

MEDIA = "text/event-stream"
#: Where the WSGI environment has what takes a place, if the server can keep a connection open.
KEEP_OPEN = "postroom.keep_open"
#: Between two looks at the log, whoever writes it.
LOOK_SECONDS = 0.25
HEARTBEAT_SECONDS = 15.0
#: Who takes nothing for so long is gone.
STALLED_SECONDS = 60.0
#: Then the client comes again, and is asked again who it is.
LONGEST_SECONDS = 3600.0
RETRY_MS = 3_000
AGAIN_SECONDS = 5.0
#: Events that are read at once.
PAGE = 100
END_SECONDS = 2.0
_LAST_CHUNK = b"0\r\n\r\n"


def opening(last: int) -> bytes:
    """What each stream begins with: when to come again, and from where on."""
    return f"retry: {RETRY_MS}\nid: {eventlog.cursor_at(last)}\n\n".encode()


def so_far(selection: Selection, last: int) -> bytes:
    """A stream that cannot stay open: what is there. The client comes again for more."""
    return opening(last) + _written(eventlog.read(selection, last, PAGE).events, feed_epoch())


def _written(events: Iterable[Event], epoch: str) -> bytes:
    return b"".join(_event(event, epoch) for event in events)


def _event(event: Event, epoch: str) -> bytes:
    told = msgspec.json.encode(eventlog.shown(event)).decode()
    cursor = eventlog.cursor_at(event.id, epoch)
    return f"id: {cursor}\nevent: {event.kind}\ndata: {told}\n\n".encode()


class Place:
    """Room for one stream, until it is filled or left."""

    def __init__(self, streams: "Streams", selection: Selection, last: int) -> None:
        self._streams, self._selection, self._last = streams, selection, last

    def fill(self, connection: socket.socket, *, chunked: bool) -> None:
        """Go on writing there; `chunked`: in the pieces of HTTP/1.1."""
        connection.setblocking(False)
        self._streams.join(_Stream(connection, self._selection, self._last, chunked))

    def leave(self) -> None:
        """There will be no stream."""
        self._streams.left()


@dataclass(slots=True, eq=False)
class _Stream:
    socket: socket.socket
    selection: Selection
    last: int
    chunked: bool
    #: Shared with all streams that were given the same.
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    opened: float = 0.0
    #: When something was sent.
    moved: float = 0.0

    def frame(self, told: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(told), told) if self.chunked else told

    def send(self, now: float) -> None:
        """Send what the client takes; OSError when it is gone."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
                self.moved = now
        except BlockingIOError:
            pass

    def end(self) -> None:
        """Say that this is all, to who has taken all before."""
        with suppress(OSError):
            if self.chunked and not self.unsent:
                self.socket.send(_LAST_CHUNK)
        self.socket.close()

    def is_gone(self) -> bool:
        """Whether the client has hung up; what it says is of no interest."""
        try:
            return not self.socket.recv(4096)
        except BlockingIOError:
            return False


class Streams:
    """All streams of one API; the thread starts with the first one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._count = 0
        self._reader: _Reader | None = None
        self._is_over = False

    def __len__(self) -> int:
        return self._count

    def place(self, selection: Selection, last: int) -> Place:
        """Room for a stream; TemporaryError when there is none."""
        with self._lock:
            if self._count >= self._most:
                text = f"{self._most} event streams are open: come again when one has ended"
                raise TemporaryError(text, AGAIN_SECONDS)
            self._count += 1
        return Place(self, selection, last)

    def left(self) -> None:
        """A place is free again."""
        with self._lock:
            self._count -= 1

    def join(self, stream: _Stream) -> None:
        """Take a stream on."""
        with self._lock:
            if self._is_over:
                stream.end()
                self._count -= 1
                return
            if self._reader is None:
                self._reader = _Reader(self.left)
            self._reader.add(stream)

    def close(self) -> None:
        """End all streams, and those that still come."""
        with self._lock:
            self._is_over = True
            reader = self._reader
        if reader:
            reader.close()


class _Reader:
    """The thread: `add` and `close` are called by others, all else by itself."""

    def __init__(self, left: Callable[[], None]) -> None:
        self._left = left
        self._joining: deque[_Stream] = deque()
        self._open: set[_Stream] = set()
        self._stop = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._look_at = 0.0
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)
        self._thread.start()

    def add(self, stream: _Stream) -> None:
        """Write to one more."""
        self._joining.append(stream)
        self._wake.send(b"!")

    def close(self) -> None:
        """End all of them."""
        self._stop.set()
        self._wake.send(b"!")
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._turn()
            except Exception:
                log.exception("API: the streams of events failed, trying again")
                self._stop.wait(1.0)
        self._take_on(time.monotonic())
        for stream in list(self._open):
            self._drop(stream)
        for each in (self._selector, self._wake, self._woken):
            each.close()

    def _turn(self) -> None:
        # Without streams there is nothing to look for.
        wait = max(0.0, self._look_at - time.monotonic()) if self._open else None
        ready = self._selector.select(wait)
        now = time.monotonic()
        for key, mask in ready:
            if key.data is None:
                self._woken.recv(4096)
            elif key.data in self._open:
                self._hear(key.data, mask, now)
        self._take_on(now)
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._feed(now)
            self._look_after(now)

    def _take_on(self, now: float) -> None:
        while self._joining:
            stream = self._joining.popleft()
            stream.opened = stream.moved = now
            self._open.add(stream)
            self._selector.register(stream.socket, selectors.EVENT_READ, stream)
            self._look_at = now

    def _hear(self, stream: _Stream, mask: int, now: float) -> None:
        try:
            if mask & selectors.EVENT_READ and stream.is_gone():
                self._drop(stream)
                return
        except OSError:
            self._drop(stream)
            return
        if mask & selectors.EVENT_WRITE:
            self._send(stream, now)
            if not stream.unsent:
                # There may be more for it.
                self._look_at = now

    def _feed(self, now: float) -> None:
        """Give a page to all who have sent the one before; what several wait for is read once."""
        end, epoch = eventlog.newest(), feed_epoch()
        pages: dict[tuple[Selection, int, bool], tuple[bytes, eventlog.Part]] = {}
        for stream in [each for each in self._open if each.last < end and not each.unsent]:
            key = stream.selection, stream.last, stream.chunked
            if key not in pages:
                part = eventlog.read(stream.selection, stream.last, PAGE)
                told = _written(part.events, epoch)
                pages[key] = (stream.frame(told) if told else b"", part)
            told, part = pages[key]
            stream.last, stream.unsent = part.last, memoryview(told)
            self._send(stream, now)
            if part.more and not stream.unsent:
                self._look_at = now

    def _look_after(self, now: float) -> None:
        beats: dict[int, bytes] = {}
        for stream in list(self._open):
            if stream.unsent:
                if now - stream.moved > STALLED_SECONDS:
                    self._drop(stream)
            elif now - stream.opened > LONGEST_SECONDS:
                self._drop(stream)
            elif now - stream.moved >= HEARTBEAT_SECONDS:
                if stream.last not in beats:
                    # So that what no filter selected is not gone through again.
                    beats[stream.last] = f":\nid: {eventlog.cursor_at(stream.last)}\n\n".encode()
                stream.unsent = memoryview(stream.frame(beats[stream.last]))
                self._send(stream, now)

    def _send(self, stream: _Stream, now: float) -> None:
        try:
            stream.send(now)
        except OSError:
            self._drop(stream)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if stream.unsent else 0)
        if self._selector.get_key(stream.socket).events != wanted:
            self._selector.modify(stream.socket, wanted, stream)

    def _drop(self, stream: _Stream) -> None:
        if stream in self._open:
            self._open.discard(stream)
            self._selector.unregister(stream.socket)
            stream.end()
            self._left()
