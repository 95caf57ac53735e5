"""What processes and their children cost, as the kernel counts it."""

import os
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """Of one process so far."""

    #: Peak resident memory, MB.
    memory: float
    #: Seconds of CPU, user and system.
    cpu: float


class Costs:
    """Call `sample` while they live; what ended keeps what was seen last."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._roots = dict(pids)
        self._first: dict[str, float] = {}
        self._last: dict[str, Cost] = {}
        self.sample()

    def watch(self, name: str, pid: int) -> None:
        """Count one more, from its start on."""
        self._roots[name] = pid
        self._first[name] = 0.0

    def sample(self) -> None:
        """Look at all of them."""
        for name, pid in self._roots.items():
            self._look(name, pid)
            for number, child in enumerate(_children(pid), 1):
                self._look(f"{name}.{number}", child)

    def spent(self) -> dict[str, Cost]:
        """By process, CPU since the first look; children are named after their parent."""
        return {
            name: Cost(cost.memory, cost.cpu - self._first.get(name, 0.0))
            for name, cost in self._last.items()
        }

    def _look(self, name: str, pid: int) -> None:
        cost = _cost(pid)
        if cost is not None:
            self._first.setdefault(name, cost.cpu)
            self._last[name] = cost


def _cost(pid: int) -> Cost | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    peaks = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    fields = stat.rpartition(")")[2].split()
    # A process that has ended but was not waited for has no memory any more.
    return Cost(peaks[0] / 1024, (int(fields[11]) + int(fields[12])) / _TICKS) if peaks else None


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]
