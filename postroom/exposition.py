"""Numbers in the text form of Prometheus, alone or over HTTP."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from . import metrics
from .errors import SettingsError
from .metrics import BUCKETS, Numbers

log = logging.getLogger(__name__)
#: What `text` is.
MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_EDGES = [*map(str, BUCKETS), "+Inf"]


class _Families(Collector):
    """What prometheus_client asks for."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        """One family for each metric."""
        for each in self._numbers.metrics:
            if each.kind == "histogram":
                yield self._histogram(each)
                continue
            kind = CounterMetricFamily if each.kind == "counter" else GaugeMetricFamily
            family = kind(each.name, each.about, labels=each.labels)
            for labels, value in sorted(self._numbers.values(each).items()):
                family.add_metric(labels, value)
            yield family

    def _histogram(self, metric: metrics.Metric) -> Metric:
        family = HistogramMetricFamily(metric.name, metric.about, labels=metric.labels)
        for labels, (counts, total) in sorted(self._numbers.times(metric).items()):
            buckets = list(zip(_EDGES, map(float, accumulate(counts)), strict=True))
            family.add_metric(labels, buckets, total)
        return family


def text(numbers: Numbers) -> bytes:
    """All of them as they stand."""
    return generate_latest(_registry(numbers))


def _registry(numbers: Numbers) -> CollectorRegistry:
    # One of our own: what the library counts by itself is none of our business.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(numbers))
    return registry


@contextmanager
def served(numbers: Numbers, host: str, port: int) -> Iterator[None]:
    """Answer GET /metrics there as long as the block lasts.

    Raises SettingsError where nobody can listen.
    """
    try:
        server, thread = start_http_server(port, host, _registry(numbers))
    except OSError as e:
        raise SettingsError(f"{host} port {port}: {e.strerror}") from e
    log.info("metrics on http://%s:%d/metrics", host, port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
