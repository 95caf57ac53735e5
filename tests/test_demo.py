"""The whole demo: samples through provider, master and API, seen from outside."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.ports import free_port, is_open
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent


def _command(*arguments):
    return [sys.executable, "-m", "postroom.demo", "--port", "0", *arguments]


@pytest.fixture
def running(tmp_path):
    """A demo that goes on until it is ended, its output in a file."""
    out, port = tmp_path / "out.txt", free_port()
    command = [sys.executable, "-m", "postroom.demo", "--port", str(port)]
    with out.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
    yield process, out, port
    if process.poll() is None:
        process.terminate()
        process.wait(60)


@pytest.mark.parametrize("variant", [[], ["--maildir"]], ids=["imap", "maildir"])
def test_once_sees_every_sample_and_a_receipt_without_gaps(variant):
    command = _command("--once", *variant)
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "listed 215" in done.stdout
    assert "missing 0" in done.stdout
    assert "a digest was mailed: 2 new files: reports" in done.stdout
    assert "changed file prices.csv" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_once_fails_with_a_reason_when_time_is_up():
    command = _command("--once", "--maildir", "--seconds", "0")
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "failed: not complete after 0 s" in done.stdout
    assert "of the page's 2 files are stored" in done.stdout


def test_new_mail_and_files_arrive_and_ctrl_c_ends_all(running):
    process, out, port = running
    wait_until(lambda: "new mail number 1 arrived" in out.read_text(), 90, "a new mail")
    assert f"curl 'http://127.0.0.1:{port}/v1/mails?limit=5'" in out.read_text()
    assert f"curl 'http://127.0.0.1:{port}/v1/files'" in out.read_text()
    wait_until(lambda: "a digest was mailed: 1 new file: reports" in out.read_text(), 30, "a file")
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == 0
    assert not is_open(port)
    assert "killed" not in out.read_text()
