"""Storages under kill -9, with several processes at once, and on a full disk."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from postroom.errors import TemporaryError
from postroom.storage import Storage, open_storage
from tests.documents import ROOT
from tests.long import one_in
from tests.servers import commands, forked

#: Puts batches of ten and one larger object for ever; says which batch is durable.
ENDLESS = """
import hashlib, os, sys
from pathlib import Path
from postroom.storage import open_storage
store = open_storage(sys.argv[1], Path(sys.argv[2]))
while True:
    bodies = [os.urandom(20_000) for _ in range(10)]
    keys = [hashlib.sha256(body).hexdigest() for body in bodies]
    batch = store.put_many(zip(keys, bodies))
    print(batch, *keys, flush=True)
    large = os.urandom(3_000_000)
    with store.open_write() as writer:
        for start in range(0, len(large), 300_000):
            writer.write(large[start : start + 300_000])
        key = hashlib.sha256(large).hexdigest()
        batch = writer.commit(key)
    print(batch, key, flush=True)
"""

#: Puts twenty batches of two new objects and a shared one.
TWENTY = """
import sys
from pathlib import Path
from postroom.storage import open_storage
store = open_storage(sys.argv[1], Path(sys.argv[2]))
me = sys.argv[3]
for n in range(20):
    print(store.put_many([(f"{me}/{n}/a", me.encode()), (f"{me}/{n}/b", b""), ("shared", b"s")]))
"""

#: Fills the disk that is mounted for it alone, then makes room and goes on.
FULL = """
import os, sys
from pathlib import Path
from postroom.errors import TemporaryError
from postroom.storage import open_storage
kind, disk = sys.argv[1], Path(sys.argv[2])
ballast = disk / "ballast"
ballast.write_bytes(bytes(4_000_000))
store = open_storage(kind, disk / "store")
store.put_many([("before", b"x")])
kept = []
try:
    for n in range(1000):
        body = os.urandom(100_000)
        store.put_many([(f"{n}", body)])
        kept.append((f"{n}", body))
except TemporaryError as e:
    print("full:", e)
try:
    with store.open_write("large") as writer:
        for _ in range(200):
            writer.write(os.urandom(100_000))
        writer.commit()
except TemporaryError as e:
    print("full again:", e)
ballast.unlink()
assert all(store.get(key) == body for key, body in kept)
batch = store.batch()
store.put_many([("after", b"x")])
assert store.batch() == batch + 1
assert store.exists(["large"]) == set()
print("goes on after", len(kept))
"""


@pytest.fixture(params=["sqlite", "directory"])
def kind(request) -> str:
    return str(request.param)


@contextmanager
def child(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = forked.Forked(
        commands.command("tests.run_script", script, *arguments),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with process:
            yield process
    finally:
        process.kill()


def killed_writer(kind: str, path: Path, lines: int) -> list[list[str]]:
    """What a writer had acknowledged when it was killed after so many lines."""
    with child(ENDLESS, kind, str(path)) as writer:
        assert writer.stdout
        told = [writer.stdout.readline() for _ in range(lines)]
        writer.kill()
        told += writer.stdout.readlines()
    return [line.split() for line in told if line.endswith("\n")]


def check_whole(store: Storage) -> set[str]:
    """Fail on any object that is not what its key says; return the keys."""
    keys = {entry.key for entry in store.list()}
    assert {key for key in keys if not store.verify(key)} == set()
    return keys


@pytest.mark.parametrize("kills", one_in(2, [2, 8]))
def test_a_killed_writer_loses_nothing_acknowledged_and_leaves_no_half_object(
    kind, kills, tmp_path
):
    path = tmp_path / "store"
    lines = random.Random(kind)
    acknowledged: set[str] = set()

    for _ in range(kills):
        told = killed_writer(kind, path, lines.randint(1, 12))
        acknowledged.update(key for _, *keys in told for key in keys)
        store = open_storage(kind, path)
        held = check_whole(store)
        batch = store.batch()
        assert acknowledged <= held
        assert batch >= int(told[-1][0])
        assert store.put_many([(f"next/{batch}", b"x")]) == batch + 1
        store.close()


def test_a_killed_writer_holds_no_lock(kind, tmp_path):
    path = tmp_path / "store"
    killed_writer(kind, path, 3)
    store = open_storage(kind, path)
    store.put_many([("a", b"x")])
    assert store.get("a") == b"x"
    store.close()


def test_two_processes_write_at_once(kind, tmp_path):
    path = tmp_path / "store"
    with child(TWENTY, kind, str(path), "p") as one, child(TWENTY, kind, str(path), "q") as two:
        numbers = [int(line) for each in (one, two) for line in each.communicate()[0].split()]
    store = open_storage(kind, path)

    assert sorted(numbers) == list(range(1, 41))
    assert store.batch() == 40
    assert len(list(store.list())) == 2 * 2 * 20 + 1
    assert store.get("q/19/a") == b"q"
    store.close()


def test_a_reader_sees_what_another_process_wrote(kind, tmp_path):
    path = tmp_path / "store"
    reader = open_storage(kind, path)
    assert reader.batch() == 0
    with child(TWENTY, kind, str(path), "p") as writer:
        writer.communicate()
    assert reader.batch() == 20
    assert reader.get("p/7/a") == b"p"
    reader.close()


def test_a_full_disk_is_temporary_and_loses_nothing(kind, tmp_path):
    mount = f"mount -t tmpfs -o size=12m none {tmp_path} && exec "
    unshare = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*unshare, f"{mount} true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is not permitted here")

    command = [*unshare, f'{mount} "$@"', "sh", sys.executable, "-c", FULL, kind, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    assert [line.partition(":")[0] for line in run.stdout.splitlines()[:2]] == [
        "full",
        "full again",
    ]


def test_a_directory_over_its_file_size_limit_is_temporary(tmp_path):
    script = """
import resource, sys
from pathlib import Path
from postroom.errors import TemporaryError
from postroom.storage import open_storage
store = open_storage("directory", Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    store.put_many([("a", b"x"), ("b", bytes(5000))])
except TemporaryError:
    assert list(store.list()) == [] and store.batch() == 0
    print("temporary")
"""
    with child(script, str(tmp_path / "store")) as process:
        assert process.communicate()[0] == "temporary\n"
    names = {path.name for path in (tmp_path / "store").iterdir()}
    assert names == {".postroom-store", ".postroom-lock", ".postroom-lock-queue"}


def test_an_sqlite_file_at_its_page_limit_is_temporary(tmp_path):
    store = open_storage("sqlite", tmp_path / "store")
    store.put_many([("a", b"x")])
    with store._file.write() as db:  # type: ignore[attr-defined]
        db.execute("PRAGMA max_page_count = 20")

    with pytest.raises(TemporaryError, match="full"):
        store.put_many((f"{n}", os.urandom(8000)) for n in range(100))

    assert [entry.key for entry in store.list()] == ["a"]
    assert store.batch() == 1
    store.close()
