"""The runner's parts by themselves: leases, logs, folders, what a dead message leads to."""

import threading
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from postroom import runs
from postroom.errors import RefusedError, SettingsError, TemporaryError
from postroom.metrics import Numbers
from postroom.runner_client import RunnerClient
from postroom.settings import Config, RawSection, Runner
from postroom.storage import open_files
from runner import measured, queues, shared
from runner.dispatch import Taken
from runner.job import Ended
from runner.keeping import Kept
from runner.leases import Lease, Leases
from runner.logbook import Logbook, Logs
from runner.pace import Pace
from runner.places import Places
from runner.working import Working
from tests.waiting import wait_until

CLAIMED = runs.ClaimedRun(
    run=1, claim="c", attempt=1, lease_until="", script="a", version=1, source=""
)


class Client(RunnerClient):
    """What an API would answer, call by call; an error is raised."""

    def __init__(self, *answers: Any) -> None:
        super().__init__("http://127.0.0.1:9")
        self.answers = list(answers)
        self.pieces: list[runs.LogPiece] = []

    def answer(self) -> Any:
        found = self.answers.pop(0) if self.answers else TemporaryError("away", after=0)
        if isinstance(found, Exception):
            raise found
        return found

    def log_run(self, run: int, told: runs.LogPiece) -> runs.LogTaken:
        self.pieces.append(told)
        return self.answer() or runs.LogTaken(offset=told.offset + len(told.text.encode()))


def lease(seconds: float = 30, renew: Any = lambda _: False) -> Lease:
    return Lease(what="run 1", seconds=seconds, renew=renew, began=time.monotonic())


# --- leases


def test_a_run_that_comes_while_the_runner_ends_is_given_back():
    stop, returned = threading.Event(), list[runs.GiveBackRun]()
    client = Client()
    client.give_back = lambda _, told: returned.append(told)  # type: ignore[assignment,return-value]
    with closing(Leases(client)) as leases, closing(Logs(client)) as logs:
        held: Any = SimpleNamespace(
            client=client, options=Runner(), stop=stop, leases=leases, logs=logs,
            numbers=Numbers(measured.METRICS),
        )  # fmt: skip
        stop.set()

        assert Working(held).carry(Taken(CLAIMED, time.monotonic())) is None

    assert [each.claim for each in returned] == [CLAIMED.claim]


def test_threads_end_with_what_they_work_for():
    before = set(threading.enumerate())
    leases, logs = Leases(Client()), Logs(Client())
    assert len(set(threading.enumerate()) - before) == 3

    logs.close()
    leases.close()

    assert set(threading.enumerate()) <= before


def test_a_lease_is_renewed_before_it_ends():
    renewed = threading.Event()

    def renew(_: RunnerClient) -> bool:
        renewed.set()
        return False

    with closing(Leases(Client())) as leases, leases.held(lease(1.2, renew)) as held:
        assert renewed.wait(5)
        wait_until(lambda: held.until > held.began + 1.2, 5, "a longer lease")
        assert not held.stop.is_set()


def test_a_lease_that_cannot_be_renewed_is_let_go_before_its_end():
    def away(_: RunnerClient) -> bool:
        raise TemporaryError("away")

    with closing(Leases(Client())) as leases, leases.held(lease(1, away)) as held:
        assert held.lost.wait(5)
        assert time.monotonic() < held.began + 5
        assert held.until < held.began + 1
        assert (held.why, held.stop.is_set()) == ("lost", True)


def test_renewing_that_hangs_does_not_keep_the_script_alive():
    hang = threading.Event()

    with (
        closing(Leases(Client())) as leases,
        leases.held(lease(1, lambda _: hang.wait(20))) as held,
    ):
        assert held.lost.wait(5)
    hang.set()


@pytest.mark.parametrize(
    ("answer", "why"), [(True, "asked"), (RefusedError("lease_lost", "gone"), "lost")]
)
def test_the_answer_to_a_renewal_ends_the_script(answer: Any, why: str):
    client = Client(answer)

    with (
        closing(Leases(client)) as leases,
        leases.held(lease(3, lambda _: client.answer())) as held,
    ):
        assert held.stop.wait(5)
        assert held.why == why


def test_what_is_lost_is_lost_whatever_was_asked_before():
    held = lease()
    held.end("asked")
    held.end("returned")
    reasons: list[str] = [held.why]
    held.end("lost")
    assert [*reasons, held.why] == ["asked", "lost"]


# --- logs


def test_a_piece_whose_answer_was_lost_is_sent_again_from_the_same_offset():
    client = Client(None, TemporaryError("cut"), runs.LogTaken(offset=10))
    book = Logbook(1, "claim", lease())
    book.feed("out", b"first")
    book.send(client)
    book.feed("out", b" next")
    with pytest.raises(TemporaryError):
        book.send(client)
    book.send(client)

    assert [(piece.offset, piece.text) for piece in client.pieces] == [
        (0, "first"), (5, " next"), (5, " next"),
    ]  # fmt: skip


def test_a_character_that_comes_in_two_pieces_is_one():
    client = Client(None, None)
    book = Logbook(1, "claim", lease())
    whole = "é\0".encode()
    book.feed("err", whole[:1])
    book.send(client)
    book.feed("err", whole[1:])
    book.feed("err", b"\xff\xc3")
    book.end()
    book.send(client)

    assert [piece.text for piece in client.pieces] == ["é\ufffd\ufffd\ufffd"]


def test_a_long_log_goes_in_pieces_that_the_api_takes():
    client = Client(*[None] * 9)
    book = Logbook(1, "claim", lease())
    book.feed("out", ("é" * 200_000).encode())

    book.send(client)

    assert "".join(piece.text for piece in client.pieces) == "é" * 200_000
    assert max(len(piece.text.encode()) for piece in client.pieces) <= runs.MAX_PIECE
    assert client.pieces[-1].offset == sum(len(p.text.encode()) for p in client.pieces[:-1])


def test_the_rest_of_a_log_is_taken_once_for_the_word_of_the_end():
    client = Client(None, None)
    book = Logbook(1, "claim", lease())
    book.feed("out", b"x" * (runs.MAX_PIECE // 4 + 3))
    book.feed("err", b"why")

    rest = book.last(client)

    assert [(each.stream, each.offset, each.text) for each in rest] == [
        ("out", runs.MAX_PIECE // 4, "xxx"), ("err", 0, "why"),
    ]  # fmt: skip
    assert len(client.pieces) == 1
    assert book.last(client) == []


def test_the_answer_to_a_log_may_end_the_script():
    held = lease()
    book = Logbook(1, "claim", held)
    book.feed("out", b"x")
    book.send(Client(runs.LogTaken(offset=1, stop=True)))
    reasons: list[str] = [held.why]
    book.feed("out", b"y")
    book.send(Client(RefusedError("lease_lost", "gone")))
    assert [*reasons, held.why] == ["asked", "lost"]


# --- folders and outputs


def test_what_a_killed_runner_left_is_removed_and_what_another_has_stays(tmp_path: Path):
    first = Places(tmp_path / "runs")
    with first.made() as kept:
        left = tmp_path / "runs/runner-dead"
        left.mkdir()
        (left / ".lock").touch()
        second = Places(tmp_path / "runs")
        assert (kept.exists(), left.exists()) == (True, False)
        second.close()
    assert not kept.exists()
    first.close()
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path / "config.ini")


def test_outputs_large_and_small_are_kept_and_dropped(config: Config, tmp_path: Path):
    for name, size in (("output.txt", 3), ("small", 10), ("large.bin", 3 << 20)):
        (tmp_path / name).write_bytes(b"x" * size)
    ended = Ended(status="completed", exit_code=0, error="", isolation="none",
                  output=tmp_path / "output.txt",
                  artefacts=(tmp_path / "small", tmp_path / "large.bin"))  # fmt: skip
    store = open_files(config)

    kept = Kept(store, 7, 2, ended)

    assert kept.output
    assert kept.output.key == "runs/7/2/output.txt"
    assert [(each.name, each.size) for each in kept.artefacts] == [
        ("small", 10), ("large.bin", 3 << 20),
    ]  # fmt: skip
    assert store.size("runs/7/2/large.bin") == 3 << 20
    kept.drop()
    assert list(store.list()) == []
    store.close()


# --- settings


def test_who_has_nothing_to_do_asks_less_often(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr("runner.pace.time.monotonic", lambda: now[0])
    pace = Pace(0.25)
    assert pace.seconds == 0.25
    now[0] = 31.0
    assert pace.seconds == 1.0
    pace.had(True)
    assert pace.seconds == 0.25


def test_a_queue_that_nobody_knows_is_refused(config: Config):
    with pytest.raises(SettingsError, match="unknown queue 'redis'"):
        queues.dispatch("redis://x", None, None)  # type: ignore[arg-type]
    told = Config(config.file, {"runner": RawSection("f", "runner", {"queue": "redis://x"})})
    with pytest.raises(SettingsError, match="expected amqp://"):
        shared.queue(told)


def test_a_queue_s_password_is_not_for_everybody(tmp_path: Path):
    file = tmp_path / "config.ini"
    file.touch(mode=0o644)
    address = "amqp://me:secret@h"
    config = Config(file, {"runner": RawSection("f", "runner", {"queue": address})})
    with pytest.raises(SettingsError, match="chmod 600"):
        shared.queue(config)
    file.chmod(0o600)
    assert shared.queue(config) == address
    assert "secret" not in repr(config.section("runner", Runner))


@pytest.mark.parametrize("sign", ["/", "?", "#"])
def test_a_password_that_cuts_its_address_is_refused_and_not_told(tmp_path: Path, sign: str):
    address = f"amqp://me:sec{sign}ret@h:5672"
    config = Config(tmp_path / "c", {"runner": RawSection("f", "runner", {"queue": address})})
    with pytest.raises(SettingsError, match="%2F") as refused:
        shared.queue(config)
    assert "sec" not in str(refused.value).partition("[runner]")[2]
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


def test_the_token_is_found_beside_the_database(config: Config, tmp_path: Path):
    with pytest.raises(SettingsError, match="start the API first"):
        shared.token(config)
    (tmp_path / "data").mkdir()
    file = tmp_path / "data/runner.token"
    file.touch(mode=0o600)
    file.write_text("pr_x\n")
    assert shared.token(config) == "pr_x"
