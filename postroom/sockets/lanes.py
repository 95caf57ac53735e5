"""A few lanes to the master, fed from one queue, so that several requests are under way at once."""

import logging
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, overload

import zmq

from postroom import following, wire
from postroom.errors import (
    PostroomError,
    RefusedError,
    SettingsError,
    TemporaryError,
    WireError,
)

from .keys import ClientKeys
from .lane import TICK_MS, Lane, Patience

log = logging.getLogger(__name__)

#: Seconds to wait after an answer that cannot be the answer.
ODD_ANSWER_SECONDS = 5.0
Body = Sequence[bytes | memoryview]


class _Waiting(NamedTuple):
    request: wire.AnyRequest
    body: Body
    answer: "Future[Any]"


class Lanes:
    """A few REQ sockets, one thread each, that take requests from one queue.

    Raises SettingsError for an address that nothing can ever be connected to.
    """

    def __init__(
        self,
        address: str,
        *,
        lanes: int = 4,
        resend_seconds: float = 60.0,
        reconnect_seconds: float = 7.5,
        keys: ClientKeys | None = None,
        stop: threading.Event,
    ) -> None:
        _check_address(address)
        #: Set while the master answers.
        self.connected = threading.Event()
        self._address = address
        self._patience = Patience(resend_seconds, reconnect_seconds)
        self._keys = keys
        self._stop = stop
        self._closing = threading.Event()
        self._told = threading.Lock()
        self._silent = self._denied = False
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        # Not a SimpleQueue: its get(timeout) can wait for ever when another thread is quicker.
        self._queue: queue.Queue[_Waiting] = queue.Queue()
        self._threads = [
            threading.Thread(target=self._work, name=f"lane-{number}", daemon=True)
            for number in range(1, lanes + 1)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, request: wire.AnyRequest, body: Body = ()) -> "Future[Any]":
        """Queue a request; the result is its typed reply, a wire.Retry or a wire.Refusal.

        Raises (through the future) WireError for what no message can hold, TemporaryError when
        told to stop before the answer came.
        """
        waiting = _Waiting(request, body, Future())
        if self._done():
            waiting.answer.set_exception(_stopped())
        else:
            self._queue.put(waiting)
        return waiting.answer

    @overload
    def ask(self, request: wire.Hello) -> wire.HelloReply: ...
    @overload
    def ask(self, request: wire.Offer) -> wire.OfferReply: ...
    @overload
    def ask(self, request: wire.Pass) -> wire.PassReply: ...
    @overload
    def ask(self, request: wire.Links) -> wire.LinksReply: ...
    @overload
    def ask(self, request: wire.Files) -> wire.FilesReply: ...
    @overload
    def ask(self, request: wire.Looked) -> wire.LookedReply: ...
    @overload
    def ask(self, request: wire.Pulse) -> wire.PulseReply: ...
    @overload
    def ask(self, request: wire.Part, body: Body) -> wire.PartReply: ...
    @overload
    def ask(self, request: wire.Push, body: Body = ()) -> wire.PushReply: ...
    def ask(self, request: wire.AnyRequest, body: Body = ()) -> Any:
        """Submit and wait; Retry comes as TemporaryError, Refusal as RefusedError."""
        match self.submit(request, body).result():
            case wire.Retry(after=after, reason=reason):
                raise TemporaryError(reason, after)
            case wire.Refusal(code=code, message=message):
                raise RefusedError(code, message)
            case reply:
                return reply

    def close(self) -> None:
        """Stop the lanes; what was not answered ends as TemporaryError."""
        self._closing.set()
        for thread in self._threads:
            thread.join()
        while not self._queue.empty():
            self._queue.get().answer.set_exception(_stopped())
        self._context.term()

    def _done(self) -> bool:
        return self._stop.is_set() or self._closing.is_set()

    def _work(self) -> None:
        lane = Lane(
            self._context,
            self._address,
            self._patience,
            self._keys,
            self._done,
            self._unreachable,
        )
        try:
            while not self._done():
                try:
                    waiting = self._queue.get(timeout=TICK_MS / 1000)
                except queue.Empty:
                    lane.look()
                else:
                    self._serve(lane, waiting)
        finally:
            lane.close()

    def _serve(self, lane: Lane, waiting: _Waiting) -> None:
        try:
            answer = self._exchange(lane, waiting)
        except PostroomError as e:
            waiting.answer.set_exception(e)
        except Exception as e:
            # The thread must live, and whoever waits must hear of it.
            log.exception("a request failed in its lane")
            waiting.answer.set_exception(e)
        else:
            waiting.answer.set_result(answer)

    def _exchange(self, lane: Lane, waiting: _Waiting) -> Any:
        frames = wire.encode_request(waiting.request, waiting.body)
        answer = lane.exchange(frames)
        if answer is None:
            raise _stopped()
        self._answered()
        request = wire.request_id(frames)
        try:
            reply = _understand(waiting.request, request, answer)
        except WireError as e:
            log.warning("Slave: an odd answer from Master at %s: %s", self._address, e)
            return wire.Retry(after=ODD_ANSWER_SECONDS, reason=str(e))
        asked, came = (type(each).__name__ for each in (waiting.request, reply))
        log.debug("Slave: %s: %s", asked.upper(), came, extra=following.told(request=request))
        return reply

    def _answered(self) -> None:
        with self._told:
            if self._silent:
                log.info("Slave: Master at %s answers again", self._address)
            self._silent = self._denied = False
            self.connected.set()

    def _unreachable(self, denied: bool) -> None:
        with self._told:
            self.connected.clear()
            # Once, and once more when the reason becomes known.
            if not self._silent or (denied and not self._denied):
                log.warning(
                    "Slave: no answer from Master at %s%s, trying again every %g s",
                    self._address,
                    " (it does not accept our key)" if denied else "",
                    self._patience.reconnect_seconds,
                )
            self._silent, self._denied = True, denied or self._denied


def _check_address(address: str) -> None:
    # Only libzmq knows what it takes; it looks at the form here and for the host much later.
    with zmq.Context() as context, context.socket(zmq.REQ) as probe:
        probe.linger = 0
        try:
            probe.connect(address)
        except zmq.ZMQError as e:
            raise SettingsError(f"{address!r} is no address ({e}): expected tcp://HOST:PORT") from e


def _understand(request: wire.AnyRequest, request_id: str, frames: list[bytes]) -> Any:
    """Return the reply; WireError when it is not the answer to this very request."""
    reply = wire.decode_reply(frames, wire.REPLY_TYPES[type(request)])
    if reply.id != request_id:
        raise WireError("the answer is to another request", request_id)
    match request, reply:
        case wire.Push(items=asked), wire.PushReply(items=answered):
            if [item.key for item in asked] != [item.key for item in answered]:
                raise WireError("the answer names other items", request_id)
        case wire.Files(items=told), wire.FilesReply(items=heard):
            if [item.url for item in told] != [item.url for item in heard]:
                raise WireError("the answer names other files", request_id)
    return reply


def _stopped() -> TemporaryError:
    return TemporaryError("stopped before the answer came")
