"""How many mails are lost or doubled when daemons are killed at random, again and again.

python -m bench.crash [--kills 100] [--mails 5000] [--seed 1]

Pulls a mailbox of a Dovecot of its own while API, master, workers and provider are killed with
SIGKILL at random moments and started again; then compares what is stored with what was sent.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.throughput import copies
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.servers.supervised import RandomKiller, Supervised

USER, PASSWORD = "bench", "bench-secret"


def main() -> int:
    """Pull, kill, compare; the status is 1 when a mail was lost or doubled."""
    options = _options()
    raws = list(copies(options.source, options.mails, options.seed))
    folder = Path(tempfile.mkdtemp(prefix="crash"))
    dovecot = Dovecot({USER: PASSWORD})
    try:
        dovecot.deliver(USER, raws)
        return _run(dovecot.start(), folder, raws, options)
    finally:
        dovecot.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--mails", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="source", type=Path, help="a folder of .eml files")
    parser.add_argument("--pause", type=float, default=0.5, help="mean seconds between kills")
    return parser.parse_args()


def _run(dovecot: Dovecot, folder: Path, raws: list[bytes], options: argparse.Namespace) -> int:
    account = {
        "server": "localhost",
        "port": dovecot.ports.imaps,
        "ca_file": dovecot.certificate,
        "username": USER,
        "password": PASSWORD,
    }
    # Small batches: more moments at which something is under way.
    daemons = Daemons(folder, {"work": account}, {"master": {"batch_mails": 10}})
    killer = RandomKiller(options.kills, options.seed, options.pause)
    began = time.monotonic()
    try:
        daemons.start("api", "master")
        Supervised(daemons).run_until_whole(60 + 5 * options.kills, killer)
        return _report(daemons, raws, killer, time.monotonic() - began)
    finally:
        daemons.close()


def _report(daemons: Daemons, raws: list[bytes], killer: RandomKiller, seconds: float) -> int:
    sent = Counter(hashlib.sha256(raw).hexdigest() for raw in raws)
    stored = Counter(daemons.hashes())
    told = Counter(
        event["about"]["sha256"]
        for event in daemons.items("/v1/events")
        if event["kind"] == "mail.stored"
    )
    lost = len(sent - stored)
    doubled = sum((stored - sent).values()) + sum((told - sent).values())
    kills = ", ".join(f"{name} {count}" for name, count in sorted(killer.killed.items()))
    print(f"{len(raws)} mails, {sum(killer.killed.values())} kills ({kills}) in {seconds:.0f} s")
    print(f"receipt: {daemons.last_receipt()}")
    print(f"lost {lost}, doubled {doubled}")
    return 1 if lost or doubled else 0


if __name__ == "__main__":
    sys.exit(main())
