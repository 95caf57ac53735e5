"""The whole demo: samples through provider, master and API, seen from outside."""

import os
import re
import signal

import pytest

from tests.documents import ROOT
from tests.long import one_in
from tests.servers import forked
from tests.servers.commands import run
from tests.servers.ports import free_port, is_open
from tests.waiting import wait_until


@pytest.fixture
def running(tmp_path):
    """A demo that goes on until it is ended, its output in a file."""
    out, port = tmp_path / "out.txt", free_port()
    with out.open("wb") as file:
        process = forked.start("postroom", ["demo", "--port", str(port)], ROOT, {}, file, file)
    yield process, out, port
    if process.poll() is None:
        process.terminate()
        process.wait(60)


# With the IMAP server it is seen below that it goes on, too.
@pytest.mark.parametrize("variant", one_in(2, [["--maildir"], []]), ids=["maildir", "imap"])
def test_once_sees_every_sample_and_a_receipt_without_gaps(variant):
    done = run(ROOT, "postroom", "demo", "--port", "0", "--once", *variant, seconds=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    check_all_was_seen(done.stdout)


def check_all_was_seen(told):
    assert "listed 215" in told
    assert "missing 0" in told
    assert "a digest was mailed: 2 new files: reports" in told
    assert "changed file prices.csv" in told


def test_once_fails_with_a_reason_when_time_is_up():
    arguments = ("--once", "--maildir", "--port", "0", "--seconds", "0")
    done = run(ROOT, "postroom", "demo", *arguments, seconds=120)
    assert done.returncode == 1
    reason = r"failed: not complete after 0 s: .*(seen through the API|receipt|stored)"
    assert re.search(reason, done.stdout), done.stdout


def test_new_mail_and_files_arrive_and_ctrl_c_ends_all(running):
    process, out, port = running
    wait_until(lambda: "new mail number 1 arrived" in out.read_text(), 90, "a new mail")
    check_all_was_seen(out.read_text())
    assert f"curl 'http://127.0.0.1:{port}/v1/mails?limit=5'" in out.read_text()
    assert f"curl 'http://127.0.0.1:{port}/v1/files'" in out.read_text()
    wait_until(lambda: "a digest was mailed: 1 new file: reports" in out.read_text(), 30, "a file")
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == 0
    assert not is_open(port)
    assert "killed" not in out.read_text()
