"""What a run takes of disk and memory, of which the kernel bounds each process and file alone."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

_LOOK_SECONDS = 0.5
_MOST_FILES = 10_000
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Taken:
    """The files below some folders and the memory of a process with its children."""

    def __init__(self, folders: Sequence[Path], most_bytes: int, most_memory: int | None) -> None:
        self._folders = folders
        self._most_bytes = most_bytes
        self._most_memory = most_memory
        self._next = time.monotonic() + _LOOK_SECONDS

    def over(self, pid: int) -> Literal["full", "hungry"] | None:
        """What is more than may be; looks at it twice a second."""
        if time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + _LOOK_SECONDS
        if self._most_memory and sum(map(_memory, _family(pid))) > self._most_memory:
            return "hungry"
        return "full" if self.is_full() else None

    def is_full(self) -> bool:
        """Whether the folders hold more than may be."""
        size = files = 0
        for folder in self._folders:
            for parent, folders, names in os.walk(folder):
                files += len(folders) + len(names)
                for name in names:
                    with suppress(OSError):
                        size += os.lstat(os.path.join(parent, name)).st_blocks * 512
                if size > self._most_bytes or files > _MOST_FILES:
                    return True
        return False


def _family(pid: int) -> Iterator[int]:
    """The process and all that descend from it, as far as /proc tells."""
    yield pid
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                children = file.read().split()
            for child in children:
                yield from _family(int(child))


def _memory(pid: int) -> int:
    """Bytes; what processes share is divided among them."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return sum(int(line.split()[1]) << 10 for line in file if line.startswith("Pss:"))
    except OSError:
        return _private(pid)


def _private(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:
            _, resident, shared, *_ = map(int, file.read().split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * _PAGE
