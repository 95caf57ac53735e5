"""Two API processes on one PostgreSQL: nothing lost, nothing twice, also when it is away."""

import hashlib
import json
import signal
import threading
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need
from tests.servers.daemons import Daemons
from tests.servers.postgres import BIN, OwnPostgres
from tests.waiting import wait_until

MAILS, BATCH, LANES, RUNS = 240, 8, 4, 20


@pytest.fixture
def server() -> Iterator[OwnPostgres]:
    """A cluster of its own: it is stopped."""
    need(BIN / "initdb")
    own = OwnPostgres().start()
    yield own
    own.cleanup()


@pytest.fixture
def apis(server: OwnPostgres, tmp_path: Path) -> Iterator[list[Daemons]]:
    """Two on one database that is empty; they start at the same time."""
    server.do("CREATE DATABASE shared")
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        # Raw mails are in one place, too.
        sections: dict[str, Any] = {"api": {"database": server.url("shared")},
                    "storage": {"mails_path": tmp_path / "mails.sqlite",
                                "files_path": tmp_path / "files"}}  # fmt: skip
        made.append(Daemons(tmp_path / name, {}, sections))
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda api: api.start("api"), made))
    yield made
    for api in made:
        api.close()


def mail(number: int) -> dict[str, Any]:
    return {"mailbox": "work", "uid": number + 1, "subject": f"mail {number}",
            "text": f"common text of {number}", "message_id": f"<{number}@x>",
            "sha256": hashlib.sha256(str(number).encode()).hexdigest()}  # fmt: skip


def push_all(apis: list[Daemons], until: threading.Event) -> list[str]:
    """Every batch through both, each until it is taken; what was answered."""
    batches = [[mail(n + k) for k in range(BATCH)] for n in range(0, MAILS, BATCH)]
    jobs = [(api, batch) for batch in batches for api in apis]
    with ThreadPoolExecutor(LANES) as lanes:
        answers = list(lanes.map(lambda job: push(job[0], job[1], until), jobs))
    return [item["status"] for answer in answers for item in answer]


def push(api: Daemons, batch: list[dict[str, Any]], until: threading.Event) -> Any:
    while True:
        try:
            return api.post("/api", batch)["items"]
        except urllib.error.HTTPError as e:
            if (e.code, json.load(e)["code"]) != (503, "try_later"):
                raise
            until.wait(float(e.headers["Retry-After"]) / 10)


def check(apis: list[Daemons]) -> None:
    for api in apis:
        assert sorted(api.hashes()) == sorted({mail(n)["sha256"] for n in range(MAILS)})
        assert len(api.items("/v1/mails?q=common")) == MAILS
        stored = [e for e in api.items("/v1/events") if e["kind"] == "mail.stored"]
        assert len({event["about"]["sha256"] for event in stored}) == len(stored) == MAILS
    first, second = ([event["id"] for event in api.items("/v1/events")] for api in apis)
    assert first == second


def follow(api: Daemons, seen: list[int], stop: threading.Event) -> None:
    """Read the feed as it grows: whoever goes on behind the last event misses none."""
    cursor = ""
    while True:
        is_last = stop.is_set()
        page = api.get(f"/v1/events?limit=500{cursor}")
        seen += [event["id"] for event in page["items"]]
        cursor = f"&after={page['next_cursor']}" if page.get("next_cursor") else cursor
        if is_last and not page["items"]:
            return
        stop.wait(0.01)


def test_two_take_the_same_mails_once_and_their_events_have_no_gaps(apis: list[Daemons]) -> None:
    seen: list[int] = []
    stop = threading.Event()
    reader = threading.Thread(target=follow, args=(apis[1], seen, stop))
    reader.start()
    try:
        statuses = push_all(apis, stop)
    finally:
        stop.set()
        reader.join(60)

    assert (statuses.count("stored"), statuses.count("duplicate")) == (MAILS, MAILS)
    assert all(a < b for a, b in pairwise(seen))
    assert seen == sorted(event["id"] for event in apis[0].items("/v1/events"))
    check(apis)


def test_a_server_that_crashes_is_waited_for(apis: list[Daemons], server: OwnPostgres) -> None:
    never = threading.Event()
    with ThreadPoolExecutor(1) as one:
        pushed = one.submit(push_all, apis, never)
        for part in (3, 2):
            wait_until(partial(_has, apis[0], MAILS // (part * 2)), 60, "some mails")
            server.stop(signal.SIGQUIT)
            for api in apis:
                with pytest.raises(urllib.error.HTTPError, match="503"):
                    api.get("/v1/mails")
            server.start()
            wait_until(lambda: _answers(apis), 60, "both to answer again")
        statuses = pushed.result(120)

    # What was committed and never answered is a duplicate when it comes again.
    assert set(statuses) == {"stored", "duplicate"}
    check(apis)


def _has(api: Daemons, count: int) -> bool:
    return len(api.hashes()) > count


def _answers(apis: list[Daemons]) -> bool:
    return all(api.api_answers() for api in apis)


def test_check_tells_version_connection_and_schema(apis: list[Daemons]) -> None:
    (line,) = [line for line in apis[0].check("api") if line["name"] == "database"]

    assert line["ok"]
    for word in ("postgresql://postroom@127.0.0.1:", "PostgreSQL 1", "connections", "schema "):
        assert word in str(line)


def test_each_run_is_leased_once_though_both_give_them_out(apis: list[Daemons]) -> None:
    # One of them made the tokens, in its folder.
    (token,) = [
        file.read_text().strip() for api in apis for file in api.folder.glob("*/admin.token")
    ]
    head = {"Authorization": f"Bearer {token}"}
    script = {"name": "prices", "source": "pass", "overlap": "allow"}
    apis[0].post("/v1/scripts", script, **head)
    ids = {apis[n % 2].post("/v1/scripts/prices/run", {}, **head)["id"] for n in range(RUNS)}

    def claim(n: int) -> list[int]:
        asked = {"worker": f"w{n}", "most": 1}
        return [run["run"] for run in apis[n % 2].post("/v1/runs/claim", asked, **head)["runs"]]

    with ThreadPoolExecutor(LANES) as runners:
        leased = [run for runs in runners.map(claim, range(2 * RUNS)) for run in runs]

    assert sorted(leased) == sorted(ids)
