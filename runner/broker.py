"""Due runs by way of RabbitMQ and Dramatiq: the second implementation of the seam.

Each runner sends the ids of runs that wait, and does those that it is sent. A message is a hint:
whether a run is due and whose it is, its row alone decides, so one that comes twice does no harm
and one that is lost is sent again.
"""

import logging
import time
from collections import deque
from datetime import UTC, datetime

import dramatiq
import pika
import pika.exceptions
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.middleware import Callbacks, Retries

from postroom.backoff import Backoff, reason
from postroom.clock import moment
from postroom.errors import PostroomError, RefusedError, TemporaryError
from postroom.runs import DeadLetter

from .dispatch import END_SECONDS, Carry, Taken, Wish
from .pace import Pace
from .shared import Shared
from .threads import Threads

log = logging.getLogger(__name__)

QUEUE = "postroom.runs"
#: Of a message that could not be carried out: tries after the first, and their pauses.
RETRIES = 5
_MIN_BACKOFF_MS, _MAX_BACKOFF_MS = 500, 30_000
#: Of one try: how often the API is asked, and the pauses between.
_TRIES, _ASKING = 4, (0.2, 2.0)
#: A run that still waits after so long is sent again: its message may be lost, or dead.
_AGAIN_SECONDS = 30.0
#: The same where its message came in vain.
_SOON_SECONDS = 1.0
#: And after so long where its message is dead.
_DEAD_SECONDS = 60.0
_DEAD = "the queue gave the run up after {} tries: {}"


def log_in(address: str, seconds: float) -> None:
    """Connect, log in and go; TemporaryError, without the password, where that cannot be done."""
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    told = pika.URLParameters(address)
    told.socket_timeout = told.stack_timeout = seconds
    told.connection_attempts = 1
    try:
        pika.BlockingConnection(told).close()
    except pika.exceptions.AMQPError as e:
        raise TemporaryError(_words(e)) from e
    except OSError as e:
        raise TemporaryError(e.strerror or str(e)) from e


def _words(e: BaseException) -> str:
    """What the broker, or else the network, said."""
    inner = getattr(e.args[0], "exception", e.args[0]) if e.args else e
    return str(inner) or type(e).__name__


class Broker:
    """Sends due runs, and takes them."""

    def __init__(
        self, address: str, shared: Shared, carry: Carry, again_seconds: float = _AGAIN_SECONDS
    ) -> None:
        self._shared, self._carry, self._again = shared, carry, again_seconds
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        retries = Retries(
            max_retries=RETRIES, min_backoff=_MIN_BACKOFF_MS, max_backoff=_MAX_BACKOFF_MS
        )
        # No time limit of Dramatiq's, which interrupts no process: the room ends scripts in time.
        # A list, since a string is cut at each ; which a password may hold.
        self._broker = RabbitmqBroker(
            url=[address], confirm_delivery=True, middleware=[Callbacks(), retries, _Dead(self)]
        )
        declare = dramatiq.actor(broker=self._broker, queue_name=QUEUE, actor_name="run")
        self._actor = declare(self._one)
        self._worker = dramatiq.Worker(
            self._broker, worker_threads=shared.options.workers, worker_timeout=200
        )
        self._threads = Threads(shared.stop)
        self._sent: dict[int, float] = {}
        #: Runs whose messages are dead, and why; not told yet.
        self._dead: deque[tuple[int, str]] = deque()

    def start(self) -> None:
        """See Dispatch."""
        self._worker.start()
        self._threads.start(self._send, "enqueuer")
        self._threads.start(self._pause, "pause")

    def close(self) -> None:
        """See Dispatch: what was sent to us and not begun goes to others."""
        self._worker.stop(timeout=1_000)
        self._threads.close(END_SECONDS)
        self._broker.close()

    def gave_up(self, run: int, why: str) -> None:
        """A message is dead: the API is told, as soon as it can be."""
        self._dead.append((run, _DEAD.format(RETRIES + 1, why)))

    def _one(self, run: int) -> None:
        """Claim this very run and do it; nothing where it is not due or another's."""
        shared = self._shared
        if shared.stop.is_set():
            raise TemporaryError("the runner ends")
        try:
            taken = self._take(Wish(shared, run))
        except RefusedError as e:
            # Somebody has to mend that, and the row waits.
            log.error("run %d cannot be claimed: %s", run, e)  # noqa: TRY400 - no defect
            return
        if taken:
            self._carry(taken)
        if run in self._sent:
            # It may wait for another run of its script: look again before long.
            self._sent[run] = time.monotonic() - self._again + _SOON_SECONDS

    def _take(self, wish: Wish) -> Taken | None:
        """Claim it; asked again before the queue tries it anew, since an answer may be lost."""
        backoff = Backoff(_ASKING)
        for tries_left in reversed(range(_TRIES)):
            began = time.monotonic()
            try:
                claimed = self._shared.client.claim_runs(wish.asked())
            except TemporaryError as e:
                if not tries_left or self._shared.stop.wait(backoff.pause(e)):
                    raise
            else:
                return Taken(claimed[0], began) if claimed else None
        return None

    def _pause(self) -> None:
        self._shared.stop.wait()
        self._worker.pause()

    def _send(self) -> None:
        stop, backoff = self._shared.stop, Backoff()
        pace = Pace(self._shared.options.poll_seconds)
        while not stop.is_set():
            try:
                self._tell_dead()
                pace.had(self._send_due())
            except Exception as e:
                unforeseen = None if _is_known(e) else e
                pause = backoff.pause(e)
                log.warning("no runs are sent: %s", reason(e), exc_info=unforeseen)
                stop.wait(pause)
            else:
                backoff.reset()
                stop.wait(pace.seconds)

    def _tell_dead(self) -> None:
        """Say in the rows of runs that their messages are dead."""
        while self._dead:
            run, why = self._dead[0]
            told = DeadLetter(reason=why, after_seconds=_DEAD_SECONDS)
            try:
                self._shared.client.dead_letter(run, told)
            except RefusedError as e:
                log.warning("run %d: its message is dead, which is not taken: %s", run, e)
            self._dead.popleft()

    def _send_due(self) -> bool:
        """Send what waits and was not sent of late; whether there was anything."""
        now, clock = datetime.now(UTC), time.monotonic()
        waiting = self._shared.client.waiting()
        ids = {run.id for run in waiting}
        for gone in [id_ for id_ in list(self._sent) if id_ not in ids]:
            self._sent.pop(gone, None)
        due = [
            run.id
            for run in waiting
            if (run.due is None or moment(run.due) <= now)
            and clock - self._sent.get(run.id, float("-inf")) >= self._again
        ]
        for id_ in due:
            self._actor.send(id_)
            self._sent[id_] = clock
        return bool(due)


class _Dead(dramatiq.Middleware):
    """Hears of messages that are given up; they lie in the queue's dead letters for a week."""

    def __init__(self, broker: Broker) -> None:
        self._gave_up = broker.gave_up

    def after_nack(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        """See Middleware."""
        del broker
        told = str(message.options.get("traceback", "")).strip().splitlines()
        log.error("run %s: its message is dead: %s", message.args[0], told[-1:])
        self._gave_up(message.args[0], told[-1] if told else "no reason")


def _is_known(e: Exception) -> bool:
    return isinstance(e, PostroomError | dramatiq.errors.BrokerConnectionError)
