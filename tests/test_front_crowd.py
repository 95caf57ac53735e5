"""More connections than anybody needs: the master stays up, and honest peers are answered."""

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.long import one_in
from tests.servers.ports import HOST
from tests.servers.real_master import HELLO, ROOT, RealMaster, push
from tests.waiting import wait_until

CROWD = 10_000
#: Of the front, for the crowd alone.
MEGABYTES = 300
FEW_FILES = 256


def with_files(limit: str) -> list[str]:
    """Put before a command: how many files it may open."""
    return ["sh", "-c", f'ulimit {limit} && exec "$@"', "sh"]


@pytest.fixture
def master(tmp_path: Path) -> Iterator[RealMaster]:
    made = RealMaster(tmp_path)
    yield made
    made.close()


@contextmanager
def crowd(master: RealMaster, count: int) -> Iterator[int]:
    """Connections to the master; how many there are."""
    command = [sys.executable, "-m", "tests.servers.crowd", HOST, str(master.port), str(count)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield int(process.stdout.readline() or 0)
        finally:
            process.stdin.close()


@pytest.mark.parametrize("count", one_in(2, [CROWD // 5, CROWD]))
def test_thousands_of_connections_cost_nobody_his_answer(master: RealMaster, count: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Both ends may open as much as the system lets them, and need some files for themselves.
    count = count if hard == resource.RLIM_INFINITY else min(count, hard - 200)
    master.prefix = with_files("-S -n 512")
    lanes = master.start(workers=1).lanes()
    lanes.ask(HELLO)
    before = master.peak_megabytes()

    with crowd(master, count) as connected:
        assert connected == count
        assert lanes.ask(*push("of old")).items[0].status == "stored"
        late = master.lanes().submit(*push("newcomer", first=2)).result(20)
        assert late.items[0].status == "stored"
        assert master.peak_megabytes() - before < MEGABYTES * count / CROWD

    assert lanes.ask(*push("after", first=3)).items[0].status == "stored"
    assert master.process
    assert master.process.poll() is None


def test_a_worker_that_finds_no_file_to_start_with_starts_when_there_is_one(
    master: RealMaster,
) -> None:
    master.prefix = with_files(f"-n {FEW_FILES}")
    lanes = master.start(workers=1).lanes()
    lanes.ask(HELLO)
    with ExitStack() as stack:
        for _ in range(FEW_FILES):
            stack.enter_context(socket.create_connection((HOST, master.port), 10))
        wait_until(lambda: files_of(master) == FEW_FILES, what="no file left")
        (worker,) = master.workers()
        os.kill(worker, signal.SIGKILL)
        master.await_log("cannot start")

    assert lanes.submit(*push("after all")).result(30).items[0].status == "stored"


def files_of(master: RealMaster) -> int:
    assert master.process
    return len(list(Path(f"/proc/{master.process.pid}/fd").iterdir()))
