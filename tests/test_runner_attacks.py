"""Ten attacks: bubblewrap stops all of them, plain limits those that they can stop."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts import Runs, need_bubblewrap, reachable, text
from tests.servers import ports
from tests.waiting import wait_until

CONFINED = ["bubblewrap", "limits"]


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable() as path:
        yield path


def runs(folder: Path, isolation: str, **values: object) -> Runs:
    if isolation == "bubblewrap":
        need_bubblewrap()
    made = Runs(folder, isolation=isolation, **values)
    assert made.workshop.isolation.name == isolation
    return made


def living(mark: str) -> list[str]:
    """The processes whose command line or environment has the mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in line:
                found.append(entry.name)
    return found


# --- 1 to 3: out of its own folder


def test_what_lies_outside_cannot_be_read(folder):
    secret = folder / "private"
    secret.write_text("do not read me")
    run = runs(folder, "bubblewrap")

    ended = run(f"""
        import os
        for path in ({str(secret)!r}, "/etc/shadow", "/etc/passwd", "/root/.profile"):
            try:
                print(open(path).read())
            except OSError as e:
                print(type(e).__name__)
        print(os.path.exists({str(folder)!r}), sorted(os.listdir("/job")), sorted(os.environ))
    """)

    assert ended.status == "completed", ended.error
    assert run.printed.splitlines() == [
        *["FileNotFoundError"] * 4,
        "False ['in', 'lib', 'output', 'work'] ['HOME', 'LANG', 'PATH', 'PWD', 'TMPDIR']",
    ]


def test_nothing_outside_can_be_written(folder):
    run = runs(folder, "bubblewrap")

    ended = run(f"""
        import os
        for path in ("/x", "/usr/x", "/job/x", "/job/in/x", "/job/lib/x", "/dev/x", "/etc/x",
                     {str(folder)!r} + "/x", "/proc/sys/kernel/core_pattern"):
            try:
                with open(path, "w") as file:
                    file.write("x")
                print("wrote", path)
            except OSError:
                pass
        open("scratch", "w").write("here I may")
    """)

    assert ended.status == "completed", ended.error
    assert run.printed == ""
    assert not (folder / "x").exists()


def test_root_is_not_needed_to_be_refused_what_others_own(folder):
    if os.geteuid() != 0:
        pytest.skip("only root hands scripts over to another user")
    (folder / "private").write_text("x")
    (folder / "private").chmod(0o600)
    run = runs(folder, "limits")

    run(f"""
        import os
        print(os.getuid(), os.getgroups())
        for path in ({str(folder / "private")!r}, "/etc/shadow"):
            try:
                print(open(path).read())
            except OSError as e:
                print(type(e).__name__)
    """)

    assert run.printed == "65534 []\nPermissionError\nPermissionError\n"


def test_there_is_no_network_unless_allowed(folder):
    run = runs(folder, "bubblewrap")
    port = ports.free_port()
    ask = f"""
        import socket
        try:
            socket.create_connection(("127.0.0.1", {port}), 5).close()
            print("connected")
        except OSError as e:
            print(type(e).__name__)
    """
    with socket.create_server(("127.0.0.1", port)):
        run(ask)
        assert run.printed == "ConnectionRefusedError\n"

        run(ask, network=True)
        assert run.printed == "connected\n"


# --- 4 to 7: more than it may take


@pytest.mark.parametrize("isolation", CONFINED)
def test_a_fork_bomb_comes_to_its_end(folder, isolation):
    run = runs(folder, isolation, processes=12)

    ended = run("""
        import os, time
        born = 0
        try:
            for _ in range(200):
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                born += 1
        except BlockingIOError:
            output(born)
    """)

    assert ended.status == "completed", ended.error
    assert int(text(ended)) < 40


@pytest.mark.parametrize("isolation", CONFINED)
def test_a_memory_bomb_is_refused_its_memory(folder, isolation):
    ended = runs(folder, isolation)("bytearray(400 << 20)", megabytes=200)

    assert ended.status == "error"
    assert ended.error.endswith("MemoryError")


@pytest.mark.parametrize("isolation", CONFINED)
def test_memory_in_many_processes_counts_together(folder, isolation):
    ended = runs(folder, isolation)(
        """
        import os, time
        for _ in range(8):
            if os.fork() == 0:
                held = bytearray(os.urandom(1 << 20) * 60)
                time.sleep(60)
        time.sleep(60)
        """,
        megabytes=150,
    )

    assert "more than 150 MB of memory" in ended.error


@pytest.mark.parametrize("isolation", [*CONFINED, "none"])
def test_an_endless_loop_ends(folder, isolation):
    ended = runs(folder, isolation)("while True: pass", seconds=0.5)

    assert ended.status == "error"
    assert ended.error == "the script ran longer than 0.5 seconds and was ended"
    assert ended.exit_code == 137


@pytest.mark.parametrize("isolation", [*CONFINED, "none"])
def test_a_gigabyte_of_output_fills_neither_memory_nor_disk(folder, isolation):
    run = runs(folder, isolation, log_kilobytes=64)

    ended = run("""
        import os
        piece = b"x" * (1 << 20)
        for _ in range(1024):
            os.write(1, piece)
    """)

    assert ended.status == "completed", ended.error
    assert len(run.log["out"]) < (64 << 10) + 100
    assert run.log["out"].endswith(b"\n[cut: no more than 65,536 bytes are kept]\n")


@pytest.mark.parametrize("isolation", CONFINED)
def test_files_are_bounded_one_by_one_and_together(folder, isolation):
    run = runs(folder, isolation, file_megabytes=4, output_megabytes=10)

    one = run("open('big', 'wb').write(bytes(8 << 20))")
    many = run("""
        import time
        for number in range(8):
            output.file(f"part-{number}", bytes(3 << 20))
    """)

    assert one.error.endswith("OSError: [Errno 27] File too large")
    assert many.error == "the script wrote more than 10 MB, or too many files, and was ended"


# --- 8: what it leaves in the output folder


@pytest.mark.parametrize("isolation", [*CONFINED, "none"])
def test_a_link_in_the_output_is_not_followed(folder, isolation):
    (folder / "private").write_text("do not read me")
    run = runs(folder, isolation)

    ended = run(f"""
        import os
        there = output._folder
        os.symlink({str(folder / "private")!r}, there + "/output.txt")
        os.symlink("/etc", there + "/folder")
        os.mkfifo(there + "/pipe")
        os.mkdir(there + "/deep")
        open(there + "/real", "w").write("mine")
        os.link(there + "/real", there + "/twice")
        open(there + "/..name", "w").write("dots")
        open(there + "/new\\nline", "w").write("line")
    """)

    assert ended.output is None
    assert {path.name: path.read_text() for path in ended.artefacts} == {
        "_..name": "dots",
        "new_line": "line",
        # Once the other is gone.
        "twice": "mine",
    }
    for name in ("output.txt", "folder", "pipe", "deep", "real"):
        assert f"[{name}: left out: no file of its own]" in run.log["err"].decode()
    assert (folder / "private").read_text() == "do not read me"


# --- 9 and 10: what would live on


def orphan(mark: str, *, own_session: bool) -> str:
    """A script that leaves a process behind."""
    return f"""
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", {mark!r}],
                         start_new_session={own_session})
    """


@pytest.mark.parametrize(
    ("isolation", "own_session"),
    [("bubblewrap", True), ("bubblewrap", False), ("limits", False), ("none", False)],
)
def test_a_grandchild_dies_with_the_run(folder, isolation, own_session):
    mark = f"orphan-{folder.name}"

    ended = runs(folder, isolation)(orphan(mark, own_session=own_session))

    assert ended.status == "completed", ended.error
    assert wait_until(lambda: not living(mark))


@pytest.mark.parametrize("isolation", CONFINED)
def test_a_script_dies_with_a_runner_that_is_killed(folder, isolation):
    runs(folder, isolation)
    mark = f"killed-{folder.name}"
    source = f"""
        import os, sys, time
        os.execv(sys.executable, [sys.executable, "-ISc", "import time; time.sleep(300)", {mark!r}])
    """
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(folder), isolation, source], cwd=Path.cwd()
    )
    try:
        wait_until(lambda: living(mark), what="the script")
    finally:
        runner.kill()
        runner.wait()

    assert wait_until(lambda: not living(mark))


RUNNER = """
import sys
from pathlib import Path
from tests.scripts import Runs
folder, isolation, source = sys.argv[1:]
Runs(Path(folder), isolation=isolation)(source, seconds=300)
"""


def test_a_script_that_is_stopped_ends_at_once(folder):
    run = runs(folder, "limits")
    threading.Timer(0.3, run.stop.set).start()

    ended = run("import time; output('half'); output.flush(); time.sleep(300)")

    assert ended.error == "the script was stopped"
    assert [path.name for path in ended.artefacts] == ["output.partial.txt"]


def test_it_cannot_become_more_than_it_is(folder):
    run = runs(folder, "bubblewrap")

    run("""
        import ctypes, os
        told = dict(line.split(":\\t") for line in open("/proc/self/status") if ":\\t" in line)
        print(os.getuid(), told["CapEff"].strip(), told["NoNewPrivs"].strip())
        print(ctypes.CDLL(None).unshare(0x10000000))
        print(sorted(name for name in os.listdir("/proc") if name.isdigit()))
    """)

    assert run.printed.splitlines() == ["65534 0000000000000000 1", "-1", "['1', '2']"]
