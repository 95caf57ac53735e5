"""What the API tells of itself, and what the document says that daemons tell."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

import api.measured
import master.measured
import monitor.measured
import provider.measured
import runner.measured
from api import measured
from postroom import exposition
from postroom.metrics import Metric, Numbers
from tests.api.caller import Caller
from tests.api.scripter import Scripter
from tests.documents import section, text

TOLD = {
    "API": api.measured.METRICS,
    "Master": master.measured.METRICS,
    "Provider": provider.measured.METRICS,
    "Monitor": monitor.measured.METRICS,
    "Runner": runner.measured.METRICS,
}


@pytest.mark.parametrize("heading", TOLD)
def test_each_metric_is_described(heading: str) -> None:
    lines = re.findall(
        r"^\| `(\w+)` \| (\w+) \| (.*?) ?\|", section(text("docs/metrics.md"), heading), re.M
    )
    told = {(name, kind, tuple(re.findall(r"\w+", labels))) for name, kind, labels in lines}

    assert told == {(each.name, each.kind, each.labels) for each in TOLD[heading]}


def samples(caller: Caller) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    told = caller.client.get("/metrics").text
    return {
        (sample.name.removeprefix("postroom_api_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_the_api_tells_how_all_stands(api: Caller, scripter: Scripter) -> None:
    api.hello()
    api.push(1, 2)
    api.push(2)
    api.deliver(api.failure(3, "quarantined"))
    api.finish((1, 3))
    api.post("/v1/mailboxes/work/sync", {}, 202)
    scripter.script()
    scripter.done()

    told = samples(api)

    assert told[key("mails_total", status="stored")] == 2
    assert told[key("mails_total", status="duplicate")] == 1
    assert told[key("mails_total", status="quarantined")] == 1
    assert told[key("ingest_seconds_count")] == 3
    assert told[key("requests_total", route="/api", method="POST", status="200")] == 3
    assert told[key("request_seconds_count", route="/api", method="POST")] == 3
    assert sum(value for (name, _), value in told.items() if name == "quarantine_items") == 1
    assert told[key("open_tasks", kind="sync")] == 1
    assert told[key("runs", status="completed")] == 1
    assert told[key("source_state", kind="mailbox", source="work", state="ok")] == 1
    assert told[key("mailbox_lag_seconds", mailbox="work")] >= 0
    assert told[key("event_streams")] == 0
    assert told[key("database_bytes")] > 10_000


def test_no_address_makes_a_label(api: Caller) -> None:
    for number in range(5):
        api.get(f"/nowhere/{number}", 404)
        api.get(f"/v1/mails/{number + 1}", 404)
    api.client.open("/health", method="BREW", content_type="application/json")

    requests = {labels for name, labels in samples(api) if name == "requests_total"}

    assert requests == {
        key("", route="none", method="GET", status="404")[1],
        key("", route="/v1/mails/<int:id_>", method="GET", status="404")[1],
        key("", route="none", method="other", status="405")[1],
    }


def test_metrics_are_for_those_who_may_read(api: Caller) -> None:
    api.get("/metrics", 401, **{"X-Real-IP": "1.2.3.4"})


def test_a_histogram_counts_up_to_each_edge() -> None:
    metric = Metric("some_seconds", "histogram", "Some.", ("stage",))
    numbers = Numbers([metric])
    for seconds in (0.01, 0.02, 4000.0):
        numbers.observe(metric, seconds, 'a\n"b')

    (family,) = text_string_to_metric_families(exposition.text(numbers).decode())

    buckets = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert (buckets["0.005"], buckets["0.01"], buckets["0.025"], buckets["+Inf"]) == (0, 1, 2, 3)
    assert {s.labels["stage"] for s in family.samples} == {'a\n"b'}


def test_numbers_of_two_apis_are_apart(api: Caller) -> None:
    other = measured.numbers(api.db, api.app.config["STREAMS"])
    api.get("/health")

    assert other.values(measured.REQUESTS) == {}
