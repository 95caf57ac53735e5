"""Signs of life: the pidfile's time moves on, and systemd's watchdog is told."""

import os
import socket
from pathlib import Path

import pytest

from postroom import pulse
from tests.waiting import wait_until


def test_the_pidfile_gets_the_time(tmp_path):
    file = tmp_path / "pid"
    file.touch()
    os.utime(file, (0, 0))

    with pulse.beating(file, 0.01):
        wait_until(lambda: file.stat().st_mtime > 0, 10, "a sign of life")


@pytest.mark.parametrize("abstract", [False, True])
def test_the_supervisor_is_told_and_our_children_are_not(tmp_path, monkeypatch, abstract):
    name = f"@postroom-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(name.replace("@", "\0", 1) if abstract else name)
        supervisor.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        monkeypatch.setenv("WATCHDOG_USEC", "60000000")

        with pulse.beating(None, 0.01):
            assert [supervisor.recv(100) for _ in range(2)] == [b"READY=1", b"WATCHDOG=1"]
            assert "NOTIFY_SOCKET" not in os.environ


def test_who_cannot_be_told_stops_nobody(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)

    with pulse.beating(tmp_path / "gone", 0.01):
        wait_until(lambda: "no sign of life" in caplog.text, 10, "the warning")

    assert "cannot be told" in caplog.text
    assert not Path(tmp_path / "gone").exists()
