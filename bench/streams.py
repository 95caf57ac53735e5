"""How soon a push is answered while many listen and exports are read slowly.

python -m bench.streams [--streams 50] [--exports 4] [--pushes 300] [--mails 2000]

Fills an API, opens streams of events that are read at once and exports that are read at 100 kB/s,
and takes the time of each push of 20 mails, from the request to its answer; and of each event, from
the answer to its push until the last stream has it.
"""

import argparse
import base64
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from tests.servers.daemons import Daemons
from tests.servers.ports import HOST

BATCH = 20
BODY = "x" * 5_000
#: Bytes that a slow reader takes at once, and how long it pauses.
SIP, PAUSE = 10_000, 0.1


def main() -> None:
    """Fill, open, push, print."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--exports", type=int, default=4)
    parser.add_argument("--pushes", type=int, default=300)
    parser.add_argument("--mails", type=int, default=2000, help="that are exported")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    daemons = Daemons(folder, {}, {"api": {"streams": options.streams}})
    try:
        daemons.start("api")
        for number in range(0, options.mails, BATCH):
            _push(daemons, number)
        _print("nobody else", _pushes(daemons, options.pushes, options.mails))
        listeners = [_Listener(daemons) for _ in range(options.streams)]
        readers = [_SlowReader(daemons) for _ in range(options.exports)]
        began = options.mails + options.pushes * BATCH
        _print("with all of them", _pushes(daemons, options.pushes, began, listeners))
        print(f"slow exports still under way: {sum(each.is_alive() for each in readers)}")
    finally:
        daemons.close()
        shutil.rmtree(folder, ignore_errors=True)


class _Listener(threading.Thread):
    """Reads a stream and counts its events."""

    def __init__(self, daemons: Daemons) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self._answer = _asked(daemons, "/v1/events/stream?kind=mail.stored")
        self.start()

    def run(self) -> None:
        while line := self._answer.readline():
            self.count += line.startswith(b"data:")


class _SlowReader(threading.Thread):
    """Reads an export a little at a time."""

    def __init__(self, daemons: Daemons) -> None:
        super().__init__(daemon=True)
        self._answer = _asked(daemons, "/v1/mails.jsonl")
        self.start()

    def run(self) -> None:
        while self._answer.read(SIP):
            time.sleep(PAUSE)


def _asked(daemons: Daemons, path: str) -> HTTPResponse:
    connection = HTTPConnection(HOST, daemons.api_port, timeout=120)
    connection.request("GET", path)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {answer.read()!r}")
    return answer


def _pushes(
    daemons: Daemons, count: int, first: int, listeners: list[_Listener] | None = None
) -> tuple[list[float], list[float]]:
    """Seconds of each push, and until the last listener had its events."""
    took, seen = [], []
    for number in range(count):
        began = time.perf_counter()
        _push(daemons, first + number * BATCH)
        answered = time.perf_counter()
        took.append(answered - began)
        if listeners:
            wanted = (number + 1) * BATCH
            while min(each.count for each in listeners) < wanted:
                time.sleep(0.005)
            seen.append(time.perf_counter() - answered)
        time.sleep(0.02)
    return took, seen


def _push(daemons: Daemons, first: int) -> None:
    mails = []
    for number in range(first, first + BATCH):
        raw = f"From: ann@bench.example\r\nSubject: number {number}\r\n\r\n{BODY}{number}\r\n"
        mails.append(
            {
                "subject": f"number {number}",
                "text": f"{BODY}{number}",
                "raw": base64.b64encode(raw.encode()).decode(),
            }
        )
    daemons.post("/api", mails)


def _print(name: str, times: tuple[list[float], list[float]]) -> None:
    for what, seconds in zip(("push", "event at the last stream"), times, strict=True):
        if seconds:
            points = statistics.quantiles(seconds, n=100, method="inclusive")
            told = f"median {points[49] * 1000:.0f} ms, p99 {points[98] * 1000:.0f} ms"
            print(f"{name}: {len(seconds)} times {what}: {told}, "
                  f"longest {max(seconds) * 1000:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
