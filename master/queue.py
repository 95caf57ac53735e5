"""The front's mind: what waits, who works on what, who is to be answered; no socket, no clock."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from postroom import wire
from postroom.sockets import Route

from .answers import Answers
from .errands import Errands
from .jobs import Frames, Job, Portion
from .orders import Note, Order
from .outage import Outage, growing
from .strikes import Strikes
from .turns import Turns

log = logging.getLogger(__name__)

AWAY = "the API does not answer"
FULL = "the master has too much in hand"
LOST = "the worker was lost"
STOPPING = "the master is stopping"
_PROBE = Order(kind="probe")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on time and memory."""

    deadline_seconds: float = 60.0
    #: What a worker goes through at the least, for what is large.
    bytes_per_second: int = 1_000_000
    waiting_bytes: int = 256 * 2**20
    waiting_jobs: int = 10_000


class Answer(NamedTuple):
    """To be sent to all who wait for it."""

    routes: list[Route]
    frames: list[bytes]


class Assignment(NamedTuple):
    """To be sent to one worker."""

    worker: str
    order: Order
    frames: Frames


class _Hand(NamedTuple):
    """What a worker has in hand; a probe and a task have no portion."""

    portion: Portion | None
    until: float
    is_task: bool = False


class Queue:
    """Tell it what happens and when; then take what is to be sent."""

    def __init__(self, limits: Limits, jitter: Callable[[], float]) -> None:
        self._limits = limits
        self._jitter = jitter
        self._jobs: dict[str, Job] = {}
        self._turns: Turns[Portion] = Turns()
        self._waiting_bytes = 0
        self._idle: deque[str] = deque()
        self._hands: dict[str, _Hand] = {}
        self._strikes = Strikes()
        self._kept = Answers()
        self._outage = Outage()
        self._errands = Errands()
        self._losses = 0
        #: How often somebody was told to come again.
        self.retried = 0
        self._stopping = False
        self._answers: list[Answer] = []
        self._assignments: list[Assignment] = []

    @property
    def busy(self) -> bool:
        """Whether a worker has work in hand that somebody waits for."""
        return any(hand.portion for hand in self._hands.values())

    @property
    def waiting(self) -> tuple[int, int]:
        """Requests that wait or are in hand, and their bytes."""
        return len(self._jobs), self._waiting_bytes

    @property
    def struck(self) -> int:
        """Items that a worker had in hand when it died."""
        return len(self._strikes)

    def take(self) -> tuple[list[Answer], list[Assignment]]:
        """What is to be sent since the last call."""
        answers, self._answers = self._answers, []
        assignments, self._assignments = self._assignments, []
        return answers, assignments

    def arrived(self, now: float, route: Route, envelope: wire.Envelope, frames: Frames) -> None:
        """A peer asks, perhaps again."""
        if job := self._jobs.get(envelope.id):
            job.join(route)
        elif kept := self._kept.find(now, envelope.id):
            self._answers.append(Answer([route], kept))
        else:
            job = Job(envelope.id, envelope.request, frames, [route])
            self._jobs[job.id] = job
            self._waiting_bytes += job.size
            self._accept(now, job)

    def idle(self, now: float, worker: str) -> None:
        """A worker is ready for work."""
        self._idle.append(worker)
        self._assign(now)

    def finished(self, now: float, worker: str, note: Note, frames: list[bytes]) -> None:
        """A worker is done; it is idle again."""
        hand = self._hands.pop(worker, None)
        if hand is None:
            return
        self._losses = 0
        if hand.is_task:
            self._errands.back(now, more=note.more)
        self._learn(now, hand.portion, note)
        if hand.portion:
            self._strikes.forget(hand.portion.places())
            if note.away:
                self._retry(now, hand.portion, self._pause(now), note.away)
            else:
                self._settle(now, hand.portion, frames, note.status)
        self.idle(now, worker)

    def lost(self, now: float, worker: str, *, marked: bool) -> None:
        """A worker died, or was killed past its deadline; `marked` when its items may be why."""
        if worker in self._idle:
            self._idle.remove(worker)
        hand = self._hands.pop(worker, None)
        if hand and hand.is_task:
            self._errands.back(now)
        if hand is None or hand.portion is None:
            return
        log.warning(
            "Master: %s was lost with %s in hand: it comes again",
            worker, hand.portion, extra=hand.portion.named(),
        )  # fmt: skip
        if marked:
            self._strikes.add(hand.portion.places())
        after = growing(2.0**self._losses, self._jitter())
        self._losses = min(self._losses + 1, 6)
        self._retry(now, hand.portion, after, LOST)

    def overdue(self, now: float) -> list[str]:
        """Workers that are past their deadline."""
        return [worker for worker, hand in self._hands.items() if hand.until <= now]

    def tick(self, now: float) -> None:
        """Time has passed."""
        if self._outage:
            self._assign(now)
        elif self._idle and not self._stopping and self._errands.take(now):
            self._give(now, None, Order(kind="task"))

    def stop(self, now: float) -> None:
        """Start nothing more; what waits may come again."""
        self._stopping = True
        for portion in self._turns.clear():
            self._retry(now, portion, 1.0, STOPPING)

    def abandon(self, now: float) -> None:
        """Wait for nobody any longer."""
        for hand in self._hands.values():
            if hand.portion:
                self._retry(now, hand.portion, 1.0, STOPPING)
        self._hands.clear()

    def _accept(self, now: float, job: Job) -> None:
        portions = job.split(self._strikes)
        refusal = self._not_now(now, job)
        for portion in portions:
            if refusal:
                self._retry(now, portion, *refusal)
            else:
                self._turns.put(job.source, portion)
        self._assign(now)

    def _not_now(self, now: float, job: Job) -> tuple[float, str] | None:
        if self._stopping:
            return 1.0, STOPPING
        if self._outage and _large(job.request):
            return self._pause(now), AWAY
        limits = self._limits
        if self._waiting_bytes > limits.waiting_bytes or len(self._jobs) > limits.waiting_jobs:
            return growing(4.0, self._jitter()), FULL
        return None

    def _assign(self, now: float) -> None:
        while self._idle and not self._stopping:
            if self._outage.take_probe(now):
                self._give(now, None)
                continue
            portion = self._turns.take()
            if portion is None:
                return
            if self._outage and _large(portion.job.request):
                self._retry(now, portion, self._pause(now), AWAY)
            else:
                self._give(now, portion)

    def _give(self, now: float, portion: Portion | None, order: Order = _PROBE) -> None:
        worker = self._idle.popleft()
        seconds = self._limits.deadline_seconds
        frames: Frames = ()
        if portion:
            order, frames = portion.order, portion.job.frames
            seconds += portion.job.weight / self._limits.bytes_per_second
            portion.job.given(portion)
            if log.isEnabledFor(logging.DEBUG):
                log.debug("Master: %s gets %s", worker, portion, extra=portion.named())
        self._hands[worker] = _Hand(portion, now + seconds, order.kind == "task")
        self._assignments.append(Assignment(worker, order, frames))

    def _learn(self, now: float, portion: Portion | None, note: Note) -> None:
        if note.away:
            if self._outage.begin(now):
                log.warning("Master: no mail is taken for now: %s", note.away)
        elif note.status != "retry" and _asks_api(portion) and self._outage.end():
            log.info("Master: the API answers again, mail is taken")

    def _pause(self, now: float) -> float:
        return self._outage.after(now, self._jitter())

    def _retry(self, now: float, portion: Portion, after: float, reason: str) -> None:
        reply = wire.Retry(after=after, reason=reason)
        self._settle(now, portion, wire.encode_reply(reply, portion.job.id), "retry")

    def _settle(self, now: float, portion: Portion, frames: list[bytes], status: str) -> None:
        job = portion.job
        if len(job.portions) > 1:
            portion.reply = wire.decode_reply(frames, wire.PushReply)
            if any(other.reply is None for other in job.portions):
                return
            merged = job.merged()
            status = "retry" if isinstance(merged, wire.Retry) else "ok"
            frames = wire.encode_reply(merged, job.id)
        del self._jobs[job.id]
        self._waiting_bytes -= job.size
        self._answers.append(Answer(job.routes, frames))
        if status == "retry":
            self.retried += 1
        else:
            self._kept.keep(now, job.id, frames)


def _asks_api(portion: Portion | None) -> bool:
    return portion is None or not isinstance(portion.job.request, wire.Part)


def _large(request: wire.AnyRequest) -> bool:
    return isinstance(request, wire.Push | wire.Part)
