"""How many due runs one runner gets done through the API, and how soon the first line is there.

python -m bench.runner [--runs 300] [--isolation none] [--workers 2] [--declared]

An API and a runner as processes; the runs are made first, then the runner is started on them. The
latency is from the request that triggers a run to the moment at which its first line was written.
The processor time is what says whether a change made it faster where others work on the machine.
"""

import argparse
import os
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

from tests.servers.scripting import Scripting

_TRIVIAL = "import time\nprint(time.time())\n"
_DECLARED = '# /// script\n# requires-python = ">=3.11"\n# ///\n'


def main() -> None:
    """Run, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--isolation", default="none")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--declared", action="store_true", help="with an environment")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        folder.chmod(0o755)
        here = Scripting(folder, isolation=options.isolation, poll_seconds=0.25,
                         workers=options.workers)  # fmt: skip
        try:
            _measure(here, options)
        finally:
            here.close()


def _measure(here: Scripting, options: argparse.Namespace) -> None:
    source = (_DECLARED if options.declared else "") + _TRIVIAL
    here.script("trivial", source, overlap="allow")
    for _ in range(options.runs):
        here.hand("trivial")
    api, before = here.processes["api"].pid, _spent(here.processes["api"].pid)[0]
    runner = here.run_scripts().pid
    while here.get("/v1/runs?status=pending&fields=id&limit=1")["items"]:
        time.sleep(1)
    spent = dict(
        zip(("API", "runner", "scripts"), (_spent(api)[0] - before, *_spent(runner)), strict=True)
    )
    shown = here.items("/v1/runs?fields=id,started,ended,status")
    began = min(row["started"] for row in shown)
    ended = max(row["ended"] for row in shown)
    took = _seconds(ended) - _seconds(began)
    firsts = []
    for _ in range(30):
        asked = time.time()
        id_ = here.hand("trivial")
        here.over(id_)
        firsts.append(float(here.text(id_)) - asked)
    failed = sum(row["status"] != "completed" for row in shown)
    print(
        f"{options.isolation}: {options.runs / took:.0f} runs/s, {failed} failed; "
        f"first line after {statistics.median(firsts) * 1000:.0f} ms (median), "
        f"{max(firsts) * 1000:.0f} ms (longest of 30); processor time of a run: "
        + ", ".join(
            f"{name} {seconds / options.runs * 1000:.1f} ms" for name, seconds in spent.items()
        )
    )


def _spent(pid: int) -> tuple[float, float]:
    """Seconds of CPU of a process, and of its children that have ended."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own, children = sum(map(int, told[11:13])), sum(map(int, told[13:15]))
    tick = os.sysconf("SC_CLK_TCK")
    return own / tick, children / tick


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    main()
