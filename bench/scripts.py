"""How many scripts one runner starts, and how soon their first line is run.

python -m bench.scripts [--runs 200] [--threads 2] [--items 1000]

For each isolation: trivial runs a second in so many threads, the time from the start of a run
until the script prints, the same with an environment that is there, and a batch.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import msgspec

from postroom.errors import SettingsError
from postroom.settings import Config, Runner
from runner.job import Item, Job
from runner.room import work, work_batch
from runner.workshop import Workshop

_TRIVIAL = "print('hello')\n"
_OUTPUT = "from postroom_script import context, output\noutput(context.run_id)\n"
_DECLARED = '# /// script\n# requires-python = ">=3.11"\n# ///\n'


def main() -> None:
    """Run, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--items", type=int, default=1000)
    options = parser.parse_args()
    for isolation in ("none", "limits", "bubblewrap"):
        with tempfile.TemporaryDirectory(prefix="bench") as name:
            folder = Path(name)
            folder.chmod(0o755)
            given = msgspec.structs.replace(
                Runner(), isolation=isolation, environments=f"{folder}/environments"
            )
            try:
                bench = _Bench(Workshop(Config(), given), folder, options)
            except SettingsError as e:
                print(f"{isolation}: {e}")
                continue
            bench.tell()


class _Bench:
    def __init__(self, workshop: Workshop, folder: Path, options: argparse.Namespace) -> None:
        self._workshop, self._folder, self._options = workshop, folder, options
        self._count = 0

    def tell(self) -> None:
        """Measure all and print a line."""
        self._one(_DECLARED)
        rates = [self._rate(source) for source in (_TRIVIAL, _OUTPUT, _DECLARED + _OUTPUT)]
        firsts = [self._one(_TRIVIAL) for _ in range(50)]
        shown = ", ".join(f"{rate:.0f}" for rate in rates)
        print(
            f"{self._workshop.isolation.name:10}  {shown} runs/s (print, output, environment); "
            f"first line after {statistics.median(firsts) * 1000:.0f} ms (median, alone); "
            f"{self._options.items} items in {self._batch():.2f} s"
        )

    def _rate(self, source: str) -> float:
        runs = self._options.runs
        with ThreadPoolExecutor(self._options.threads) as pool:
            began = time.perf_counter()
            list(pool.map(self._one, [source] * runs))
            return float(runs / (time.perf_counter() - began))

    def _one(self, source: str) -> float:
        """Run it; seconds until it printed."""
        began, heard = time.perf_counter(), list[float]()
        on_log: Callable[[str, bytes], None] = lambda *_: heard.append(time.perf_counter())  # noqa: E731
        job = Job(run=1, script="bench", source=source)
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            ended = work(job, Path(name), self._workshop, on_log, Event())
        if ended.status != "completed":
            raise SystemExit(ended.error)
        return (heard[0] if heard else time.perf_counter()) - began

    def _batch(self) -> float:
        items = [Item(key=str(number)) for number in range(self._options.items)]
        job = Job(run=1, script="bench", source=_OUTPUT)
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            ended = list(
                work_batch(job, items, Path(name), self._workshop, lambda *_: None, Event())
            )
        if not all(one.status == "completed" for one in ended):
            raise SystemExit(ended[0].error)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
