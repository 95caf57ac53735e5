"""A mark on a worker that outlives it: the items that it has in hand may be what ended it."""

import os
from contextlib import suppress


class Mark:
    """A pipe with one byte in it, or none: what a killed process wrote stays there."""

    def __init__(self, reads: int, writes: int) -> None:
        #: What a process has to inherit.
        self.files = (reads, writes)

    @classmethod
    def make(cls) -> "Mark":
        """A new one, not set; raises OSError when too many files are open."""
        reads, writes = os.pipe()
        os.set_blocking(reads, False)
        return cls(reads, writes)

    def set(self) -> None:
        """To be called when it is not set."""
        os.write(self.files[1], b"!")

    def lift(self) -> bool:
        """Whether it was set; from now on it is not."""
        with suppress(BlockingIOError):
            return os.read(self.files[0], 1) != b""
        return False

    def close(self) -> None:
        """Close this process's ends."""
        for file in self.files:
            os.close(file)
