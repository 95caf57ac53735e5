"""One writer at a time, and everyone's turn comes."""

import subprocess
import threading
from pathlib import Path

import pytest

from postroom.errors import TemporaryError
from postroom.storage.lock import FileLock
from tests.documents import ROOT
from tests.servers import commands, forked

HOLD = """
import sys
from pathlib import Path
from postroom.storage.lock import FileLock
with FileLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

COUNT = """
import sys
from pathlib import Path
from postroom.storage.lock import FileLock
lock, counter = FileLock(Path(sys.argv[1])), Path(sys.argv[2])
for _ in range(100):
    with lock:
        counter.write_text(str(int(counter.read_text()) + 1))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def run(script: str, *arguments: Path) -> subprocess.Popen[str]:
    command = commands.command("tests.run_script", script, *map(str, arguments))
    return forked.Forked(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_another_process_keeps_us_out_until_it_lets_go(path):
    with run(HOLD, path) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(TemporaryError, match="held by others"), FileLock(path, timeout=0.05):
            pass
        other.communicate()
        with FileLock(path, timeout=5):
            pass


def test_a_killed_holder_lets_go(path):
    with run(HOLD, path) as other:
        assert other.stdout
        other.stdout.readline()
        other.kill()
    with FileLock(path, timeout=5):
        pass


@pytest.mark.parametrize("shared", [True, False])
def test_another_thread_keeps_us_out(path, shared):
    lock = FileLock(path, timeout=0.05)
    caught: list[TemporaryError] = []

    def try_it() -> None:
        try:
            with lock if shared else FileLock(path, timeout=0.05):
                pass
        except TemporaryError as e:
            caught.append(e)

    with lock:
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
    assert len(caught) == 1
    with lock:
        pass


def test_no_increment_is_lost_among_processes(path, tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    others = [run(COUNT, path, counter) for _ in range(3)]
    for other in others:
        other.communicate()
    assert counter.read_text() == "300"


def test_taking_it_twice_in_one_thread_is_a_mistake(path):
    lock = FileLock(path)
    with lock, pytest.raises(RuntimeError, match="already holds"), lock:
        pass


def test_who_takes_it_again_and_again_keeps_no_one_out(path):
    greedy = FileLock(path)
    got = threading.Event()

    def wait_for_it() -> None:
        with FileLock(path, timeout=20):
            got.set()

    waiter = threading.Thread(target=wait_for_it)
    with greedy:
        waiter.start()
    for _ in range(100_000):
        if got.is_set():
            break
        with greedy:
            pass
    waiter.join()
    assert got.is_set()


def test_a_lock_file_that_is_removed_is_made_again(path):
    lock = FileLock(path)
    with lock:
        path.unlink()
    with lock:
        assert path.exists()


def test_an_error_inside_lets_go(path):
    lock = FileLock(path, timeout=0.05)
    with pytest.raises(ZeroDivisionError), lock:
        raise ZeroDivisionError
    with lock:
        pass


def test_a_folder_that_is_missing_is_told(tmp_path):
    lock = FileLock(tmp_path / "missing" / "lock")
    for _ in range(2):
        with pytest.raises(FileNotFoundError), lock:
            pass
