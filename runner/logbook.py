"""What a script writes, told to the API while it runs, each byte once."""

import codecs
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from postroom import runs
from postroom.backoff import reason
from postroom.errors import PostroomError, RefusedError
from postroom.runner_client import RunnerClient

from .leases import Lease
from .threads import Threads

log = logging.getLogger(__name__)

#: Characters of one piece, at most four bytes each.
_PIECE = runs.MAX_PIECE // 4
#: Seconds that what is written may wait for more, and the pause after a failure.
_GATHER, _AGAIN = 0.1, 1.0
_END_SECONDS = 2.0
_STREAMS: tuple[runs.Stream, ...] = ("out", "err")


class Logbook:
    """Both streams of one run; how much of each there is at most, the room says."""

    def __init__(self, run: int, claim: str, lease: Lease) -> None:
        self._run, self._claim, self._lease = run, claim, lease
        self._text: dict[runs.Stream, str] = dict.fromkeys(_STREAMS, "")
        self._told: dict[runs.Stream, int] = dict.fromkeys(_STREAMS, 0)
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {stream: decoder("replace") for stream in _STREAMS}
        self._lock, self._sending = threading.Lock(), threading.Lock()

    def feed(self, stream: str, piece: bytes, *, final: bool = False) -> None:
        """Take what came."""
        name: runs.Stream = "out" if stream == "out" else "err"
        with self._lock:
            # A database has no NUL.
            self._text[name] += self._decoders[name].decode(piece, final).replace("\0", "\ufffd")

    def end(self) -> None:
        """What is cut in the middle of a character goes on no more."""
        for stream in _STREAMS:
            self.feed(stream, b"", final=True)

    def send(self, client: RunnerClient) -> None:
        """Tell all that there is, from where the API has it."""
        with self._sending:
            for stream in _STREAMS:
                while self._text[stream] and not self._lease.lost.is_set():
                    self._one(client, stream)

    def last(self, client: RunnerClient) -> list[runs.LastPiece]:
        """Take what is left, for the word of the end; of a long rest the beginning is told."""
        with self._sending:
            for stream in _STREAMS:
                while len(self._text[stream]) > _PIECE and not self._lease.lost.is_set():
                    self._one(client, stream)
            rest, self._text = self._text, dict.fromkeys(_STREAMS, "")
            return [
                runs.LastPiece(stream=stream, offset=self._told[stream], text=text)
                for stream, text in rest.items()
                if text
            ]

    def _one(self, client: RunnerClient, stream: runs.Stream) -> None:
        piece = self._text[stream][:_PIECE]
        self._tell(client, stream, piece)
        with self._lock:
            self._text[stream] = self._text[stream][len(piece) :]

    def _tell(self, client: RunnerClient, stream: runs.Stream, piece: str) -> None:
        told = runs.LogPiece(
            claim=self._claim, stream=stream, offset=self._told[stream], text=piece
        )
        try:
            taken = client.log_run(self._run, told)
        except RefusedError as e:
            log.warning("run %d: its log is not taken: %s", self._run, e)
            if e.code == "lease_lost":
                self._lease.end("lost")
            return
        # What came twice, since an answer was lost, is there once.
        self._told[stream] = taken.offset
        if taken.stop:
            self._lease.end("asked")


class Logs:
    """Sends the books of all runs, on a thread of its own."""

    def __init__(self, client: RunnerClient) -> None:
        self._client = client
        self._open: set[Logbook] = set()
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._threads = Threads()
        self._threads.start(self._send, "logs")

    @contextmanager
    def kept(self, book: Logbook) -> Iterator[Logbook]:
        """Send what comes into the book as long as the block lasts."""
        with self._lock:
            self._open.add(book)
        try:
            yield book
        finally:
            with self._lock:
                self._open.discard(book)

    def wake(self) -> None:
        """Something came."""
        self._wake.set()

    def close(self) -> None:
        """Send nothing more; what is to be kept of a run goes with its end."""
        self._threads.stop.set()
        self._wake.set()
        self._threads.close(_END_SECONDS)

    def _send(self) -> None:
        stop = self._threads.stop
        while self._wake.wait() and not stop.wait(_GATHER):
            self._wake.clear()
            with self._lock:
                books = list(self._open)
            for book in books:
                try:
                    book.send(self._client)
                except Exception as e:
                    unforeseen = None if isinstance(e, PostroomError) else e
                    log.warning("a log waits: %s", reason(e), exc_info=unforeseen)
                    self._wake.set()
                    stop.wait(_AGAIN)
