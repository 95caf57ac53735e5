"""What exports cost the API: its peak memory, its CPU, and how much left it.

python -m bench.export [--mails 1000] [--kilobytes 300]
"""

import argparse
import hashlib
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.costs import Costs
from tests.servers.daemons import Daemons
from tests.servers.ports import HOST

AT_ONCE = 20
PIECE = 256 * 1024
ENDINGS = ("jsonl", "csv", "mbox")


def main() -> int:
    """Store mails, export them three times, print what it took."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mails", type=int, default=1_000)
    options.add_argument("--kilobytes", type=int, default=300)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        daemons = Daemons(Path(folder), {})
        try:
            daemons.start("api")
            for batch in _mails(chosen.mails, chosen.kilobytes * 1024):
                daemons.post("/api", batch)
            # Started anew, so that taking the mails in counts for nothing.
            daemons.terminate("api")
            daemons.start("api")
            for ending in ENDINGS:
                _measure(daemons, ending)
        finally:
            daemons.close()
    return 0


def _mails(count: int, size: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, count, AT_ONCE):
        yield [_mail(number, size) for number in range(start, min(start + AT_ONCE, count))]


def _mail(number: int, size: int) -> dict[str, Any]:
    # Words that do not compress to nothing.
    word = hashlib.sha256(str(number).encode()).hexdigest()
    text = "\n".join(f"{word[at % 64 :]} {at}" for at in range(size // 40))
    return {
        "mailbox": "bench",
        "uid": number + 1,
        "subject": f"mail {number}",
        "from": "ann@example.org",
        "text": text,
        "raw": b64encode(f"Subject: mail {number}\r\n\r\n{text}".encode()).decode(),
    }


def _measure(daemons: Daemons, ending: str) -> None:
    pid = daemons.processes["api"].pid
    costs = Costs({"api": pid})
    before = costs.spent()["api"].memory
    length, mails = _read(daemons.api_port, f"/v1/mails.{ending}")
    costs.sample()
    cost = costs.spent()["api"]
    sys.stdout.write(
        f"{ending:5} {mails} mails, {length / 2**20:7.1f} MB sent; peak memory of the API "
        f"{cost.memory:.0f} MB ({before:.0f} MB before), {cost.cpu:.1f} s of CPU\n"
    )


def _read(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection(HOST, port, timeout=600)
    connection.request("GET", path)
    answer = connection.getresponse()
    length = sum(map(len, iter(lambda: answer.read(PIECE), b"")))
    mails = answer.headers["Postroom-Mails"]
    connection.close()
    return length, mails


if __name__ == "__main__":
    sys.exit(main())
