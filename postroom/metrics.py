"""Numbers that a daemon tells of itself; what writes them for Prometheus is loaded on demand."""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from . import registry, settings

#: Imported when a port is set: who is not asked needs neither an HTTP server nor its memory.
SERVERS = {"http": "postroom.exposition:served"}
#: Seconds up to which each bucket of a histogram counts.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
Labels = tuple[str, ...]
#: What a gauge shows when it is asked.
Read = Callable[[], Mapping[Labels, float]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One name, with all its labels: their values must be few."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    about: str
    labels: Labels = ()


class Timed:
    """How many times, by bucket, and how long together."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0


class Numbers:
    """The values of some metrics, for any thread."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = metrics
        self._lock = threading.Lock()
        self._counts: dict[Metric, dict[Labels, float]] = {
            each: {} if each.labels else {(): 0.0} for each in metrics
        }
        self._times: dict[Metric, dict[Labels, Timed]] = {each: {} for each in metrics}
        self._reads: dict[Metric, Read] = {}

    def add(self, metric: Metric, *labels: str, value: float = 1.0) -> None:
        """Count."""
        with self._lock:
            counts = self._counts[metric]
            counts[labels] = counts.get(labels, 0.0) + value

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Say how it stands."""
        with self._lock:
            self._counts[metric][labels] = value

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        """Note how long it took."""
        with self._lock:
            timed = self._times[metric].get(labels)
            if timed is None:
                timed = self._times[metric][labels] = Timed()
            timed.counts[bisect_left(BUCKETS, seconds)] += 1
            timed.total += seconds

    def read(self, metric: Metric, how: Read) -> None:
        """Ask for it each time that somebody looks."""
        self._reads[metric] = how

    def values(self, metric: Metric) -> dict[Labels, float]:
        """How a counter or gauge stands, by labels."""
        if metric in self._reads:
            return dict(self._reads[metric]())
        with self._lock:
            return dict(self._counts[metric])

    def times(self, metric: Metric) -> dict[Labels, tuple[list[int], float]]:
        """How a histogram stands, by labels: counts by bucket, and the sum."""
        with self._lock:
            return {
                labels: (list(timed.counts), timed.total)
                for labels, timed in self._times[metric].items()
            }


@contextmanager
def served(config: settings.Config, daemon: str, numbers: Numbers) -> Iterator[None]:
    """Answer GET /metrics on the port that [metrics] names for this daemon, if it names one."""
    options = config.section("metrics", settings.Metrics)
    port: int = getattr(options, daemon)
    if not port:
        yield
        return
    opened: Callable[..., AbstractContextManager[None]] = registry.load(SERVERS, "http", "server")
    with ExitStack() as stack:
        with config.blaming("metrics", daemon):
            stack.enter_context(opened(numbers, options.host, port))
        yield
