"""What the front tells of itself: work in hand and how long it takes, by what workers say."""

from collections.abc import Callable
from dataclasses import dataclass

from postroom.metrics import Metric, Numbers

REQUESTS = Metric("postroom_master_requests_total", "counter",
                  "Requests that came, repeated ones included.", ("request",))  # fmt: skip
RETRIES = Metric(
    "postroom_master_retries_total", "counter", "Requests that were told to come again."
)
WAITING = Metric("postroom_master_queue_requests", "gauge", "Requests that wait or are worked on.")
WAITING_BYTES = Metric("postroom_master_queue_bytes", "gauge", "Bytes of these requests.")
STRUCK = Metric("postroom_master_struck_items", "gauge", "Items that a dead worker had in hand.")
SECONDS = Metric("postroom_master_batch_seconds", "histogram",
                 "Seconds of a batch of mails in a worker, by stage.", ("stage",))  # fmt: skip
WORKERS = Metric(
    "postroom_master_workers", "gauge", "Workers that live, and that work.", ("state",)
)
ENDED = Metric(
    "postroom_master_workers_ended_total", "counter", "Workers that died or were killed."
)
METRICS = (REQUESTS, RETRIES, WAITING, WAITING_BYTES, STRUCK, SECONDS, WORKERS, ENDED)


@dataclass(slots=True)
class _Hand:
    began: float
    #: 0 until the worker is past parsing.
    parsed: float = 0.0


class Measured:
    """Listens to what the front hears."""

    def __init__(self, alive: Callable[[], int]) -> None:
        self.numbers = Numbers(METRICS)
        self._hands: dict[str, _Hand] = {}
        self.numbers.read(
            WORKERS, lambda: {("alive",): float(alive()), ("busy",): float(len(self._hands))}
        )

    def given(self, now: float, worker: str) -> None:
        """A worker has work in hand."""
        self._hands[worker] = _Hand(now)

    def parsed(self, now: float, worker: str) -> None:
        """It is past parsing; only pushes come so far."""
        if hand := self._hands.get(worker):
            hand.parsed = now
            self.numbers.observe(SECONDS, now - hand.began, "parse")

    def done(self, now: float, worker: str) -> None:
        """It has answered."""
        hand = self._hands.pop(worker, None)
        if hand and hand.parsed:
            self.numbers.observe(SECONDS, now - hand.parsed, "deliver")

    def ended(self, worker: str) -> None:
        """It died, or was killed."""
        self._hands.pop(worker, None)
        self.numbers.add(ENDED)
