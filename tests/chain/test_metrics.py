"""Each daemon tells what it did, in the text form of Prometheus."""

import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.chain import pages
from tests.servers.daemons import Daemons
from tests.servers.ports import HOST, free_port
from tests.servers.web import WebServer
from tests.waiting import wait_until

MAIL = b"From: ann@example.org\r\nSubject: %d\r\n\r\nhello\r\n"
SCRIPT = "from postroom_script import output\noutput('12')\n"
Sample = Callable[..., float | None]


def read(port: int) -> Sample:
    """Finds a sample by its name and labels; None where there is none."""
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=30) as answer:
        told = answer.read().decode()
    found = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }
    return lambda name, **labels: found.get((f"postroom_{name}", frozenset(labels.items())))


def shows(port: int, name: str, value: float, **labels: str) -> None:
    def is_so() -> bool:
        try:
            return read(port)(name, **labels) == value
        except urllib.error.URLError:
            # It has only just started.
            return False

    wait_until(is_so, 60, f"{name} {labels} = {value}")


def ports() -> dict[str, int]:
    return {name: free_port() for name in ("master", "provider", "monitor", "runner")}


def maildir(folder: Path) -> Mapping[str, object]:
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    for number in range(3):
        (folder / "new" / f"{number}.M1P1.host").write_bytes(MAIL % number)
    return {"source": "maildir", "path": folder}


def test_each_daemon_tells_what_it_did(
    daemons: Callable[..., Daemons], web: WebServer, tmp_path: Path
) -> None:
    at = ports()
    pages.files(web, {"a.pdf": b"one", "b.pdf": b"two!"})
    sections = {
        "page docs": pages.page(web),
        "master": {"workers": 2},
        "metrics": at,
        "runner": {"isolation": "none", "poll_seconds": 0.05},
    }
    chain = daemons({"work": maildir(tmp_path / "Maildir")}, sections)
    chain.start("api", "master")
    chain.provide()
    chain.watch()
    chain.order("/v1/scripts", {"name": "rates", "source": SCRIPT})
    chain.order("/v1/scripts/rates/run", {})
    chain.run_scripts()

    shows(at["provider"], "provider_mails_total", 3, mailbox="work", status="stored")
    shows(at["provider"], "provider_mailbox_up", 1, mailbox="work")
    provider = read(at["provider"])
    assert provider("provider_bytes_total", mailbox="work") == 3 * len(MAIL % 1)
    assert provider("provider_connects_total", mailbox="work") == 1
    assert provider("provider_errors_total", mailbox="work") == 0
    assert provider("provider_last_pass_timestamp_seconds", mailbox="work")

    shows(at["monitor"], "monitor_looks_total", 1, page="docs", result="well")
    monitor = read(at["monitor"])
    assert monitor("monitor_links", page="docs") == 2
    assert monitor("monitor_files_total", page="docs", outcome="stored") == 2
    assert monitor("monitor_bytes_total", page="docs") == 7

    shows(at["runner"], "runner_runs_total", 1, result="completed")
    runner = read(at["runner"])
    assert (runner("runner_claims_total"), runner("runner_run_seconds_count")) == (1, 1)
    assert (runner("runner_busy"), runner("runner_workers")) == (0, 2)
    assert runner("runner_isolation_info", isolation="none") == 1

    master = read(at["master"])
    assert master("master_batch_seconds_count", stage="parse")
    assert master("master_batch_seconds_count", stage="deliver")
    assert master("master_requests_total", request="push")
    assert master("master_workers", state="alive") == 2
    assert master("master_queue_requests") is not None

    api = read(chain.api_port)
    assert api("api_mails_total", status="stored") == 3
    assert api("api_runs", status="completed") == 1
    assert api("api_source_state", kind="mailbox", source="work", state="ok") == 1
    assert api("api_source_state", kind="page", source="docs", state="ok") == 1
    assert api("api_mailbox_lag_seconds", mailbox="work") is not None

    assert [chain.terminate(name) for name in ("runner", "monitor", "provider", "master")] == [
        0
    ] * 4


@pytest.fixture
def sockets() -> Iterator[Path]:
    """Where daemons keep their sockets: their names have room for few letters."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_a_port_that_is_taken_is_told_with_its_setting(
    daemons: Callable[..., Daemons], sockets: Path
) -> None:
    chain = daemons({}, {"metrics": {}})
    chain.add("metrics", master=chain.api_port)
    chain.environment["TMPDIR"] = str(sockets)
    chain.start("api")

    assert chain._run("master", "master").wait(timeout=60) == 2

    assert f"[metrics] master: {HOST} port" in chain.log("master")
    assert list(sockets.glob("postroom-*")) == []
