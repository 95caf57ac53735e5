"""The front: the socket of all providers, the queue behind it, and the workers at its back."""

import logging
import random
import threading
import time

from postroom import wire
from postroom.errors import WireError
from postroom.metrics import Numbers
from postroom.sockets import Backend, Frontend, Hub, Message, ServerKeys, doubled

from . import measured, orders
from .measured import Measured
from .queue import Answer, Assignment, Limits, Queue
from .staff import Staff, WorkerCommand

log = logging.getLogger(__name__)

TICK_MS = 100
#: What is in hand when the stop signal comes has so long to end.
DRAIN_SECONDS = 4.0
LINGER_MS = 500
#: How soon a new client's key is known.
LOOK_SECONDS = 2.0


class Front:
    """Owns the sockets and the workers; `run` works until told to stop."""

    def __init__(
        self,
        host: str,
        port: int,
        command: WorkerCommand,
        *,
        workers: int = 2,
        limits: Limits | None = None,
        keys: ServerKeys | None = None,
    ) -> None:
        self._hub = Hub(host, port, keys)
        self._frontend, self._backend = self._hub.frontend, self._hub.backend
        self._refused = 0
        self._look_at = 0.0
        self._queue = Queue(limits or Limits(), random.random)
        self._staff = Staff(lambda name: command(self._backend.address, name), workers)

        self._measured = Measured(lambda: len(self._staff.names()))
        self.numbers.read(measured.RETRIES, lambda: {(): float(self._queue.retried)})
        self.numbers.read(measured.WAITING, lambda: {(): float(self._queue.waiting[0])})
        self.numbers.read(measured.WAITING_BYTES, lambda: {(): float(self._queue.waiting[1])})
        self.numbers.read(measured.STRUCK, lambda: {(): float(self._queue.struck)})

    @property
    def numbers(self) -> Numbers:
        """What it tells of itself."""
        return self._measured.numbers

    @property
    def address(self) -> str:
        """Where providers reach it."""
        return self._frontend.address

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set; then finish what is in hand, answer it, close."""
        log.info("Master: listening on %s", self.address)
        try:
            while not stop.is_set():
                self._turn(self._frontend, self._backend)
            self._drain()
        finally:
            self.close()

    def close(self) -> None:
        """End the workers and close the sockets."""
        self._staff.close()
        self._hub.close(LINGER_MS)

    def _drain(self) -> None:
        log.info("Master: stopping, finishing what is in hand")
        self._queue.stop(time.monotonic())
        end = time.monotonic() + DRAIN_SECONDS
        while self._queue.busy and time.monotonic() < end:
            self._turn(self._backend)
        self._queue.abandon(time.monotonic())
        self._send()

    def _turn(self, *sides: Frontend | Backend) -> None:
        self._hub.wait(TICK_MS, *sides)
        now = time.monotonic()
        if self._frontend in sides:
            for message in self._frontend.receive():
                self._ask(now, message)
        for name, frames in self._backend.receive():
            self._hear(now, name, frames)
        self._watch(now)
        self._send()

    def _ask(self, now: float, message: Message) -> None:
        try:
            envelope = wire.decode_request(message.frames)
        except WireError as e:
            self._refused += 1
            if doubled(self._refused):
                log.warning("Master: refused a request (%d so far): %s", self._refused, e)
            refusal = wire.Refusal(code="bad_request", message=str(e)[:500])
            self._frontend.send(message.route, wire.encode_reply(refusal, e.request_id))
            return
        if isinstance(envelope.request, wire.Hello):
            hello = envelope.request
            log.info("Master: Slave %s (%s) says hello", hello.mailbox, hello.kind)
        self.numbers.add(measured.REQUESTS, type(envelope.request).__name__.lower())
        self._queue.arrived(now, message.route, envelope, message.frames)

    def _hear(self, now: float, name: str, frames: list[bytes]) -> None:
        # What a killed worker said with its last breath no longer counts: its work was answered.
        if name not in self._staff:
            return
        note = orders.decode_note(frames[0])
        if note.state == "ready":
            self._staff.arrived(name)
            self._queue.idle(now, name)
        elif note.state == "parsed":
            self._measured.parsed(now, name)
            self._queue.parsed(name)
        else:
            self._measured.done(now, name)
            self._queue.finished(now, name, note, frames[1:])

    def _watch(self, now: float) -> None:
        for name in self._queue.overdue(now):
            self._staff.kill(name, "it is past its deadline")
        for name in self._staff.tick(now):
            self._measured.ended(name)
            self._queue.lost(now, name)
        self._queue.tick(now)
        if now >= self._look_at:
            self._frontend.look()
            self._look_at = now + LOOK_SECONDS

    def _send(self) -> None:
        answers, assignments = self._queue.take()
        for answer in answers:
            self._answer(answer)
        for assignment in assignments:
            self._assign(assignment)

    def _answer(self, answer: Answer) -> None:
        for route in answer.routes:
            self._frontend.send(route, answer.frames)

    def _assign(self, assignment: Assignment) -> None:
        self._measured.given(time.monotonic(), assignment.worker)
        order = orders.encode(assignment.order)
        if not self._backend.send(assignment.worker, [order, *assignment.frames]):
            # The connection fell but the process may live: its work must not be done twice.
            self._staff.kill(assignment.worker, "it does not take work")
