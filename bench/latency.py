"""How soon a new mail is seen through the API.

python -m bench.latency [--mails 200]

Delivers mails into a Dovecot one by one while the whole chain waits in IDLE, and takes the time
from each delivery until the list of mails shows it.
"""

import argparse
import shutil
import signal
import statistics
import sys
import tempfile
import time
from email.utils import formatdate
from pathlib import Path

from bench.throughput import PASSWORD, USER
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.waiting import wait_until

#: Between two looks at the list.
LOOK_SECONDS = 0.01
LONGEST_SECONDS = 90.0


def main() -> None:
    """Deliver, wait, print."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mails", type=int, default=200)
    options = parser.parse_args()
    dovecot, folder = Dovecot({USER: PASSWORD}), Path(tempfile.mkdtemp(prefix="bench"))
    mailbox = {
        "server": "localhost",
        "port": dovecot.ports.imap,
        "tls": "none",
        "username": USER,
        "password": PASSWORD,
    }
    daemons = Daemons(folder, {"work": mailbox})
    try:
        dovecot.deliver(USER, [_mail("first")])
        dovecot.start()
        daemons.start("api", "master")
        daemons.provide()
        wait_until(lambda: "no new mail" in daemons.log("provider"), 30, "the chain to wait")
        _print([_seconds(dovecot, daemons, f"number {n}") for n in range(options.mails)])
    finally:
        daemons.close()
        dovecot.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _mail(subject: str) -> bytes:
    """It is dated now, and so stands first in the list."""
    head = f"From: ann@bench.example\r\nSubject: {subject}\r\nDate: {formatdate()}\r\n"
    return f"{head}\r\nHello\r\n".encode()


def _seconds(dovecot: Dovecot, daemons: Daemons, subject: str) -> float:
    dovecot.deliver(USER, [_mail(subject)])
    began = time.perf_counter()
    while subject not in {item["subject"] for item in daemons.get("/v1/mails?limit=20")["items"]}:
        if time.perf_counter() - began > LONGEST_SECONDS:
            raise RuntimeError(f"not seen in {LONGEST_SECONDS:.0f} s\n{daemons.log('provider')}")
        time.sleep(LOOK_SECONDS)
    return time.perf_counter() - began


def _print(seconds: list[float]) -> None:
    points = statistics.quantiles(seconds, n=100, method="inclusive")
    told = {"median": points[49], "p90": points[89], "p99": points[98], "longest": max(seconds)}
    print(f"{len(seconds)} new mails, seen through the API after")
    for name, value in told.items():
        print(f"  {name:<8}{value * 1000:>7.0f} ms")


if __name__ == "__main__":
    main()
