"""A program at a real terminal, as a person has it."""

import os
import pty
import select
import termios
import time
from contextlib import suppress
from pathlib import Path

from tests.servers import commands, forked


class Terminal:
    """A program at a real terminal of so many columns."""

    def __init__(self, folder: Path, *command: str, columns: int = 120) -> None:
        self.text = ""
        self._fd, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, columns))
        self.process = forked.Forked(
            commands.command(*command),
            cwd=folder,
            env=forked.found({**os.environ, **forked.importing("owning")}),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def read_until(self, text: str, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < end, f"no {text!r} in {self.text!r}"
            self._read()

    def _read(self) -> None:
        # When nobody is left at the other end, that is an error here.
        with suppress(OSError):
            if select.select([self._fd], [], [], 0.05)[0]:
                self.text += os.read(self._fd, 4096).decode(errors="replace")

    def forget(self) -> None:
        self.text = ""

    def status(self, seconds: float = 20) -> int:
        end = time.monotonic() + seconds
        while (status := self.process.poll()) is None:
            assert time.monotonic() < end, f"it did not end: {self.text}"
            self._read()
        return status

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._fd)
