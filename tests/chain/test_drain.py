"""The first SIGTERM under load: what is in hand is finished, what was answered is there."""

import fcntl
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from postroom.storage.lock import FileLock
from tests.chain.conftest import account
from tests.chain.mails import mails
from tests.chain.test_kills import expect_whole
from tests.long import one_in
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.waiting import wait_until

CLIENTS = 8
BATCH = 20
POSTS = 40


class Poster:
    """Programs that hand mails in, each batch until it is answered."""

    def __init__(self, chain: Daemons) -> None:
        self._chain = chain
        #: Subjects that the API said yes to, in batches.
        self.answered: list[list[str]] = []
        #: Those that it had no answer for before the end.
        self.unanswered: list[list[str]] = []

    def run(self, client: int) -> None:
        for number in itertools.count():
            subjects = [f"mail {client} {number} {each}" for each in range(BATCH)]
            try:
                self.post(subjects)
            except (OSError, HTTPException):
                self.unanswered.append(subjects)
                return

    def post(self, subjects: list[str]) -> None:
        given = [{"subject": subject, "text": subject * 50} for subject in subjects]
        answer = self._chain.post("/api", given)
        assert {item["status"] for item in answer["items"]} <= {"stored", "duplicate"}
        self.answered.append(subjects)


def flat(batches: list[list[str]]) -> list[str]:
    return sorted(subject for batch in batches for subject in batch)


def stored(chain: Daemons) -> list[str]:
    return sorted(item["subject"] for item in chain.items("/v1/mails"))


def test_the_api_answers_what_is_in_hand_and_keeps_what_it_answered(
    daemons: Callable[..., Daemons],
) -> None:
    chain = daemons({})
    chain.start("api")
    poster = Poster(chain)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(poster.run, client) for client in range(CLIENTS)]
        wait_until(lambda: len(poster.answered) >= POSTS, 60, "posts to be answered")

        status = chain.terminate("api")

        for client in clients:
            client.result(60)
    assert status == 0
    assert poster.unanswered, "it ended while nobody asked"
    assert "Traceback" not in chain.log("api")
    chain.start("api")
    kept = stored(chain)
    # A batch is there whole or not at all, and nothing that was answered is missing.
    assert set(flat(poster.answered)) <= set(kept)
    assert all(len({s in kept for s in batch}) == 1 for batch in poster.unanswered)

    for batch in list(poster.unanswered):
        poster.post(batch)

    assert stored(chain) == flat(poster.answered)


def is_locked(file: Path) -> bool:
    with file.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_the_api_ends_when_the_post_in_hand_is_answered(daemons: Callable[..., Daemons]) -> None:
    chain = daemons({})
    chain.start("api")
    poster = Poster(chain)
    poster.post(["first"])
    lock = chain.folder / "data" / "postroom.sqlite.lock"
    with ThreadPoolExecutor(1) as pool:
        with FileLock(lock):
            post = pool.submit(poster.post, ["in hand"])
            # Who waits for the lock has the turnstile before it.
            wait_until(lambda: is_locked(lock.with_name(f"{lock.name}-queue")), 20, "the post")
            process = chain.processes["api"]
            process.terminate()
            wait_until(lambda: "finishing what is in hand" in chain.log("api"), 20, "the signal")
        post.result(20)

    assert process.wait(15) == 0
    assert poster.answered == [["first"], ["in hand"]]


@pytest.mark.parametrize("daemon", one_in(3, ["provider", "master", "api"]))
def test_a_daemon_that_ends_under_load_loses_and_doubles_nothing(
    dovecot: Dovecot, daemons: Callable[..., Daemons], daemon: str
) -> None:
    raws = mails(1_500)
    dovecot.deliver("work", raws)
    chain = daemons({"work": account(dovecot)}, {"master": {"batch_mails": 10, "workers": 2}})
    chain.start("api", "master")
    chain.provide()
    wait_until(lambda: len(chain.hashes()) >= 50, 60, "mails under way")

    status = chain.terminate(daemon)

    assert status == 0
    assert "Traceback" not in chain.log(daemon)
    if daemon == "provider":
        assert len(chain.hashes()) < len(raws), "nothing was under way any more"
    else:
        chain.start(daemon)
        chain.terminate("provider")
    chain.pull()
    expect_whole(chain, raws)
