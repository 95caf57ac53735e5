"""What the kernel knows of a process."""

import re
from contextlib import suppress
from pathlib import Path

#: The name of a process that forks for its parent.
FORKING = "forking"


def children(pid: int) -> list[int]:
    """Process ids of what its threads started; none when it has ended."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            for child in map(int, (thread / "children").read_text().split()):
                found += children(child) if _name(child) == FORKING else [child]
    return found


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def forget_peak() -> None:
    """Let the peak of this process begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_megabytes(pid: int | str = "self") -> float:
    """The most memory that it ever had resident; 0 when it has ended."""
    with suppress(OSError):
        if found := re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()):
            return int(found[1]) / 1024
    return 0.0
