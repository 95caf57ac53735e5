"""One process and all that it starts: watched while it lives, ended with all of it."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import IO, Any, Literal, Protocol

from postroom.errors import TemporaryError

#: How the watching of a process ended: it ended by itself, or what it waited for came to be; or
#: it is to be ended because it was stopped, ran too long, or took too much of disk or memory.
Why = Literal["ended", "done", "stopped", "late", "full", "hungry"]
_PIECE = 65_536
#: Between two looks at what nothing tells of: the stop event, the clock, the disk.
_LOOK_SECONDS = 0.1
#: For the last words of what was killed.
_DRAIN_SECONDS = 2.0


class Process:
    """A process in a group of its own, with its two streams read to the end."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environ: Mapping[str, str],
        stdin: IO[bytes],
        on_piece: Callable[[str, bytes], None],
        passed: Sequence[int] = (),
    ) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a command of the isolation
                command,
                cwd=folder,
                env=environ,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=passed,
                bufsize=0,
            )
        except OSError as e:
            raise TemporaryError(f"the script's process cannot be started: {e}") from e
        self._on_piece = on_piece
        self._selector = selectors.DefaultSelector()
        for stream, name in ((self._process.stdout, "out"), (self._process.stderr, "err")):
            self._add(stream, name)
        self._pidfd = os.pidfd_open(self._process.pid) if hasattr(os, "pidfd_open") else -1
        if self._pidfd >= 0:
            self._selector.register(self._pidfd, selectors.EVENT_READ)

    def watch(self, done: Callable[[], bool], seconds: float, stop: Event, usage: "Usage") -> Why:
        """Read what it prints until something comes to be."""
        end = time.monotonic() + seconds
        while True:
            self._read(_LOOK_SECONDS if self._pidfd >= 0 else 0.01)
            if done():
                return "done"
            if self.has_ended():
                return "ended"
            if stop.is_set():
                return "stopped"
            if time.monotonic() > end:
                return "late"
            if over := usage.over(self._process.pid):
                return over

    def also(self, stream: IO[bytes], on_piece: Callable[[bytes], None]) -> None:
        """Read a further stream."""
        self._selector.register(stream, selectors.EVENT_READ, on_piece)

    def has_ended(self) -> bool:
        """Whether it has; it keeps its number, and so its group, until `end`."""
        if not hasattr(os, "waitid"):
            return self._process.poll() is not None
        ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, ended) is not None

    def end(self) -> int:
        """Kill what is left of it and its children; its status as a shell tells it."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._pidfd >= 0:
            self._selector.unregister(self._pidfd)
            os.close(self._pidfd)
        try:
            self._drain()
        finally:
            self._selector.close()
            for stream in (self._process.stdout, self._process.stderr):
                if stream:
                    stream.close()
            status = self._process.wait()
        return 128 - status if status < 0 else status

    def _drain(self) -> None:
        end = time.monotonic() + _DRAIN_SECONDS
        while self._selector.get_map() and time.monotonic() < end:
            self._read(_LOOK_SECONDS)

    def _add(self, stream: IO[bytes] | None, name: str) -> None:
        if stream:
            self.also(stream, lambda piece: self._on_piece(name, piece))

    def _read(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                continue
            piece = os.read(key.fd, _PIECE)
            if piece:
                key.data(piece)
            else:
                self._selector.unregister(key.fileobj)


class Usage(Protocol):
    """What a process and its children have taken."""

    def over(self, pid: int) -> Literal["full", "hungry"] | None:
        """What they have taken too much of, looked at now and then."""


def memory_file(content: bytes) -> IO[bytes]:
    """A file that has no name, for what no other process may come upon."""
    import tempfile  # noqa: PLC0415

    file: Any = (
        os.fdopen(os.memfd_create("told"), "w+b")
        if hasattr(os, "memfd_create")
        else tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    )
    file.write(content)
    file.seek(0)
    return file  # type: ignore[no-any-return]
