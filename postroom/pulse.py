"""Signs of life of a daemon: its pidfile's time, and what systemd's watchdog waits for."""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

#: Seconds between two signs; whoever waits for them should allow several times as many.
SECONDS = 5.0


@contextmanager
def beating(pidfile: Path | None, seconds: float = SECONDS) -> Iterator[None]:
    """Give signs of life while the block runs: a process that is frozen gives none.

    `pidfile` gets the time of each; a supervisor that asks for it (sd_notify(3)) is told.
    """
    told = _Supervisor.from_environment()
    told.say("READY=1")
    if pidfile is None and not told.watches:
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(
        target=_beat, args=(pidfile, told, seconds, ended), name="pulse", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class _Supervisor:
    """Who started us and wants to be told, or nobody."""

    def __init__(self, address: str, watches: bool) -> None:
        # A name that begins with @ stands in no file system.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watches = watches

    @classmethod
    def from_environment(cls) -> "_Supervisor":
        # Not for our children: what they said would count as said by us.
        address = os.environ.pop("NOTIFY_SOCKET", "")
        return cls(address, bool(address) and "WATCHDOG_USEC" in os.environ)

    def say(self, word: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                s.sendto(word.encode(), self._address)
        except OSError as e:
            log.warning("the supervisor at %s cannot be told: %s", self._address, e.strerror)


def _beat(pidfile: Path | None, told: _Supervisor, seconds: float, ended: threading.Event) -> None:
    while not ended.wait(seconds):
        if pidfile:
            try:
                os.utime(pidfile)
            except OSError as e:
                log.warning("%s: no sign of life could be left: %s", pidfile, e.strerror)
        if told.watches:
            told.say("WATCHDOG=1")
