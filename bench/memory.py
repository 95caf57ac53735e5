"""Peak resident memory of processes and their children, as the kernel counts it."""

from pathlib import Path


class Memory:
    """Call `sample` while they live; what ends between two samples keeps its last peak."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._roots = dict(pids)
        self._peaks: dict[str, float] = {}

    def watch(self, name: str, pid: int) -> None:
        """Count one more."""
        self._roots[name] = pid

    def sample(self) -> None:
        """Look at all of them."""
        for name, pid in self._roots.items():
            self._look(name, pid)
            for number, child in enumerate(_children(pid), 1):
                self._look(f"{name}.{number}", child)

    def peaks(self) -> dict[str, float]:
        """MB by process; children are named after their parent."""
        return dict(self._peaks)

    def _look(self, name: str, pid: int) -> None:
        peak = _peak(pid)
        if peak:
            self._peaks[name] = max(peak, self._peaks.get(name, 0.0))


def _peak(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]
