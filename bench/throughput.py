"""How fast a whole mailbox comes in, beside what people would use instead.

python -m bench.throughput [--mails 30000] [--from FOLDER] [--peers mbsync getmail6] [--runs 3]
                           [--large] [--delay-ms 20]

Builds a mailbox in a Dovecot of its own, each mail a copy with its own Message-ID and a line that
no other has; pulls it through provider, master and API, durable and indexed; counts what is
stored; and prints mails a second, peak memory and ratios.
"""

import argparse
import base64
import itertools
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench import peers
from bench.costs import Cost, Costs
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.servers.slow_link import SlowLink

USER, PASSWORD = "bench", "bench-secret"
_LARGE = b"""\
From: Ann <ann@bench.example>
To: team@bench.example
Subject: number %d
Message-ID: <%d.%d@bench.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

See the file.
--b
Content-Type: application/octet-stream; name=file.bin
Content-Transfer-Encoding: base64

""".replace(b"\n", b"\r\n")


class Result(NamedTuple):
    """One run of one tool."""

    seconds: float
    stored: int
    #: By process.
    costs: dict[str, Cost]


def main() -> None:
    """Build, pull, print."""
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options = _options()
    dovecot = Dovecot({USER: PASSWORD})
    try:
        made = large if options.large else partial(copies, options.source)
        delivered = dovecot.deliver(USER, made(options.mails, options.seed))
        dovecot.start()
        print(f"{delivered} mails in Dovecot, {options.runs} runs each")
        with SlowLink(dovecot.ports.imap, round_trip_seconds=options.delay_ms / 1000) as link:
            if options.delay_ms:
                dovecot.ports = replace(dovecot.ports, imap=link.port)
            results = _measure(dovecot, options)
    finally:
        dovecot.cleanup()
    _print(delivered, results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mails", type=int, default=6_000)
    parser.add_argument("--from", dest="source", type=Path, help="a folder of .eml files")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--peers", nargs="*", default=[], help="measure these too: mbsync mbsync+notmuch getmail6"
    )
    parser.add_argument("--large", action="store_true", help="mails of 1 to 5 MB, most attached")
    parser.add_argument(
        "--delay-ms", type=float, default=0.0, help="round trip to the mail server, for all tools"
    )
    parser.add_argument("--keep", action="store_true", help="print the daemons' logs as well")
    return parser.parse_args()


def copies(source: Path | None, count: int, seed: int) -> Iterator[bytes]:
    """`count` mails with CRLF line ends, none like another."""
    found = originals(source)
    chosen = random.Random(seed)
    for number in range(count):
        head, _, body = chosen.choice(found).partition(b"\r\n\r\n")
        lines = [
            line for line in head.split(b"\r\n") if not line.lower().startswith(b"message-id:")
        ]
        lines.append(b"Message-ID: <%d.%d@bench.example>" % (number, seed))
        lines.append(b"X-Bench: %d" % number)
        yield b"\r\n".join(lines) + b"\r\n\r\n" + body


def large(count: int, seed: int) -> Iterator[bytes]:
    """`count` mails of 1 to 5 MB, each with a file that no other has."""
    chosen = random.Random(seed)
    for number in range(count):
        content = chosen.randbytes(chosen.randint(740_000, 3_700_000))
        encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
        yield _LARGE % (number, number, seed) + encoded + b"--b--\r\n"


def originals(source: Path | None) -> list[bytes]:
    """The mails of a folder, or the demo's, with CRLF line ends."""
    if source is None:
        from postroom.demo.samples import samples  # noqa: PLC0415

        raws = [raw for raw in samples() if len(raw) < 100_000]
    else:
        raws = [file.read_bytes() for file in sorted(source.rglob("*")) if file.is_file()]
    return [raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for raw in raws]


def _measure(dovecot: Dovecot, options: argparse.Namespace) -> dict[str, list[Result]]:
    tools: dict[str, Callable[[Dovecot, Path], Result]] = {
        "postroom": lambda d, folder: pull(d, folder, keep=options.keep)
    }
    for name, run in peers.installed(USER, PASSWORD).items():
        if name in options.peers:
            tools[name] = _peer(run)
    results: dict[str, list[Result]] = {name: [] for name in tools}
    # In turn, so that a machine that slows down slows all of them.
    for _, (name, tool) in itertools.product(range(options.runs), tools.items()):
        folder = Path(tempfile.mkdtemp(prefix="bench"))
        try:
            results[name].append(tool(dovecot, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        last = results[name][-1]
        print(f"  {name}: {last.seconds:.2f} s, {last.stored} stored", flush=True)
    return results


def _peer(run: peers.Run) -> Callable[[Dovecot, Path], Result]:
    return lambda dovecot, folder: Result(*run(dovecot, folder))


def pull(dovecot: Dovecot, folder: Path, *, keep: bool = False) -> Result:
    """The whole chain, from the provider's start to its end."""
    mailbox = {
        "server": "localhost",
        "port": dovecot.ports.imap,
        "tls": "none",
        "username": USER,
        "password": PASSWORD,
    }
    daemons = Daemons(folder, {"work": mailbox})
    try:
        daemons.start("api", "master")
        costs = Costs({name: process.pid for name, process in daemons.processes.items()})
        began = time.perf_counter()
        provider = daemons.provide("--once")
        costs.watch("provider", provider.pid)
        while provider.poll() is None:
            costs.sample()
            time.sleep(0.05)
        seconds = time.perf_counter() - began
        costs.sample()
        receipt = daemons.last_receipt()
        if provider.returncode or receipt.get("missing"):
            raise RuntimeError(f"the pull failed: {receipt}\n{daemons.log('provider')}")
        return Result(seconds, int(receipt["stored"]), costs.spent())
    finally:
        daemons.close()
        if keep:
            for name in ("api", "master", "provider"):
                print(f"--- {name}\n{daemons.log(name)[-3000:]}")


def _print(mails: int, results: dict[str, list[Result]]) -> None:
    own = statistics.median(result.seconds for result in results["postroom"])
    print(f"\n{'tool':<16}{'mails/s':>9}{'stored':>9}{'peak MB':>9}{'CPU us/mail':>13}{'time':>8}")
    for name, runs in results.items():
        seconds = statistics.median(result.seconds for result in runs)
        memory = statistics.median(sum(c.memory for c in r.costs.values()) for r in runs)
        cpu = statistics.median(sum(c.cpu for c in r.costs.values()) for r in runs)
        stored = min(result.stored for result in runs)
        print(
            f"{name:<16}{mails / seconds:>9.0f}{stored:>9}{memory:>9.0f}"
            f"{cpu / mails * 1e6:>13.0f}{seconds / own:>7.2f}x"
        )
    print(f"\n{'process of the last run':<26}{'peak MB':>9}{'CPU us/mail':>13}")
    for process, cost in results["postroom"][-1].costs.items():
        print(f"  {process:<24}{cost.memory:>9.0f}{cost.cpu / mails * 1e6:>13.0f}")


if __name__ == "__main__":
    main()
