"""A runner's typed calls against the API over HTTP, and two runners at once."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.models import Run
from api.server import serve
from postroom import runs
from postroom.errors import RefusedError
from postroom.runner_client import RunnerClient
from tests.api.scripter import Scripter, ago
from tests.servers.ports import HOST, free_port
from tests.waiting import wait_until


@pytest.fixture
def url(scripter: Scripter) -> Iterator[str]:
    """The API on a port."""
    port, stop = free_port(), threading.Event()
    thread = threading.Thread(target=serve, args=(scripter.api.app, HOST, port, 4, stop))
    thread.start()
    url = f"http://{HOST}:{port}"
    wait_until(lambda: _answers(url), 20, "the API")
    yield url
    stop.set()
    thread.join()


def _answers(url: str) -> bool:
    client = RunnerClient(url)
    try:
        client.health()
    except Exception:  # noqa: BLE001 - any: it is not up yet
        return False
    finally:
        client.close()
    return True


@pytest.fixture
def client(scripter: Scripter, url: str) -> Iterator[RunnerClient]:
    found = courier(scripter, url)
    yield found
    found.close()


def courier(scripter: Scripter, url: str) -> RunnerClient:
    return RunnerClient(url, scripter.runner["Authorization"].removeprefix("Bearer "))


def test_a_run_from_its_claim_to_its_end(scripter: Scripter, client: RunnerClient) -> None:
    scripter.api.hello()
    scripter.mail(1)
    scripter.script()
    scripter.run(mail=1)

    (run,) = client.claim_runs(runs.ClaimRuns(worker="a"))
    assert client.mail(run.mail or 0)["subject"] == "mail 1"
    assert client.renew_run(run.run, runs.RenewRun(claim=run.claim)).stop is False
    piece = runs.LogPiece(claim=run.claim, stream="out", offset=0, text="hello")
    assert client.log_run(run.run, piece).offset == 5
    told = runs.FinishRun(claim=run.claim, status="completed", isolation="none", exit_code=0,
                          output=scripter.put_object(run, "output.txt", "x"),
                          storage=scripter.api.files.id)  # fmt: skip
    assert client.finish_run(run.run, told).status == "completed"
    with pytest.raises(RefusedError) as lost:
        client.finish_run(run.run, told)
    assert lost.value.code == "lease_lost"


def test_a_clock_a_folder_and_events(scripter: Scripter, client: RunnerClient) -> None:
    assert [each.status for each in client.folder({"a": "print(1)"})] == ["new"]
    scripter.put("/v1/scripts/a", {"cron": "* * * * *"})
    scripter.planned("a", minutes=1)

    (schedule,) = client.schedules()
    assert (schedule.name, schedule.cron, schedule.enabled) == ("a", "* * * * *", True)
    told = runs.TellSlots(slots=[ago(seconds=1)], until=ago(seconds=0))
    assert [slot.state for slot in client.slots("a", told)] == ["run"]
    assert client.advance() == runs.Advanced(runs=0, more=False)


def test_a_replay_by_batches(scripter: Scripter, client: RunnerClient) -> None:
    scripter.api.hello()
    scripter.mail(1, 2, 3)
    scripter.script()
    scripter.post("/v1/scripts/prices/replay", {"mails": {}}, 201)

    (replay,) = client.open_replays()
    done = 0
    while batch := client.claim_batch(replay.id, runs.ClaimBatch(worker="a", most=2)).items:
        claim = client.claim_batch(replay.id, runs.ClaimBatch(worker="a", most=2)).claim
        items = [
            runs.ItemResult(id=id_, status="completed", output="x",
                            sha256=hashlib.sha256(b"x").hexdigest())
            for id_ in batch
        ]  # fmt: skip
        done = client.tell_items(replay.id, runs.TellItems(claim=claim, items=items)).done
    assert (replay.left, done) == (3, 3)
    assert client.open_replays() == []


def test_no_run_is_given_to_two_runners(scripter: Scripter, url: str) -> None:
    scripter.script(overlap="allow")
    wanted = [scripter.run()["id"] for _ in range(40)]

    def work(worker: str) -> list[int]:
        client, found = courier(scripter, url), []
        while given := client.claim_runs(runs.ClaimRuns(worker=worker, most=3)):
            found += [run.run for run in given]
        client.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        given = [id_ for part in pool.map(work, "abcd") for id_ in part]

    assert sorted(given) == wanted


def test_no_slot_is_made_by_two_runners(scripter: Scripter, url: str) -> None:
    scripter.script(cron="* * * * *", overlap="allow")
    scripter.planned("prices", minutes=1)
    told = runs.TellSlots(slots=[ago(seconds=3), ago(seconds=2)], until=ago(seconds=0))

    def work(_: str) -> list[int | None]:
        client = courier(scripter, url)
        found = [slot.run for slot in client.slots("prices", told)]
        client.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(work, "abcd"))

    assert len({tuple(answer) for answer in answers}) == 1
    assert Run.select().count() == 2
