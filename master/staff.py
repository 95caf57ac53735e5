"""The worker processes: started, watched, killed, replaced; never forked."""

import itertools
import logging
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from postroom import house
from postroom.daemon import Exit
from postroom.errors import SettingsError

from .mark import Mark

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 10.0
#: How long a worker may take to end by itself once it is told to.
END_SECONDS = 2.0

#: The command line of a worker: of the address to connect to, of its name and its mark.
WorkerCommand = Callable[[str, str, Mark], Sequence[str]]
Command = Callable[[str, Mark], Sequence[str]]


class Lost(NamedTuple):
    """Who died, and whether the mark was still set."""

    name: str
    marked: bool


@dataclass(slots=True)
class _Seat:
    """One place for a worker; whoever sits there has a name of his own."""

    number: int
    mark: Mark
    process: "subprocess.Popen[bytes] | None" = None
    name: str = ""
    start_at: float = 0.0
    #: Deaths in a row before it was ready for work.
    failures: int = 0


def worker_command(config: Path | None, log_level: str | None) -> WorkerCommand:
    """How workers are started that read these settings."""
    given = ["--config", str(config)] if config else []
    given += ["--log-level", log_level] if log_level else []

    def build(address: str, name: str, mark: Mark) -> list[str]:
        own = ["--address", address, "--name", name, "--mark", *map(str, mark.files)]
        return [*house.command("master.worker"), *own, *given]

    return build


class Staff:
    """`command(name, mark)` is the command line of a worker."""

    def __init__(self, command: Command, size: int) -> None:
        self._command = command
        self._seats = [_Seat(number, Mark.make()) for number in range(1, size + 1)]
        self._starts = itertools.count(1)

    def __contains__(self, name: str) -> bool:
        return any(seat.name == name and seat.process for seat in self._seats)

    def tick(self, now: float) -> Iterator[Lost]:
        """Start who is missing; yield those that died."""
        for seat in self._seats:
            if seat.process and seat.process.poll() is not None:
                yield self._bury(seat, seat.process, now)
            if not seat.process and seat.start_at <= now:
                self._start(seat, now)

    def arrived(self, name: str) -> None:
        """It is ready for work: its death will not be one at the start."""
        for seat in self._seats:
            if seat.name == name:
                seat.failures = 0

    def kill(self, name: str, why: str) -> None:
        """End a worker that cannot be trusted to end itself; the next tick finds it dead."""
        for seat in self._seats:
            if seat.name == name and seat.process:
                log.warning("Master: %s killed: %s", name, why)
                seat.process.kill()
                seat.process.wait()

    def names(self) -> list[str]:
        """The workers that live, as far as is known."""
        return [seat.name for seat in self._seats if seat.process]

    def close(self) -> None:
        """Let all end: a closed pipe tells them; whoever does not hear it is killed."""
        for seat in self._seats:
            if seat.process and seat.process.stdin:
                seat.process.stdin.close()
        for seat in self._seats:
            if seat.process:
                _end(seat.process)
            seat.mark.close()
        self._seats.clear()

    def _start(self, seat: _Seat, now: float) -> None:
        seat.name = f"worker-{seat.number}.{next(self._starts)}"
        command = self._command(seat.name, seat.mark)
        try:
            # Nothing is ever written to the pipe: it closes when the front is gone, however it
            # went.
            seat.process = subprocess.Popen(  # noqa: S603 - our own interpreter
                command, stdin=subprocess.PIPE, pass_fds=seat.mark.files
            )
        except OSError as e:
            # Who opens connections by the thousand may leave no file for it, for a while.
            pause = _put_off(seat, now)
            log.warning("Master: %s cannot start (%s), again in %g s", seat.name, e, pause)
        else:
            log.debug("Master: %s started (pid %d)", seat.name, seat.process.pid)

    def _bury(self, seat: _Seat, process: "subprocess.Popen[bytes]", now: float) -> Lost:
        if process.returncode == Exit.SETTINGS:
            raise SettingsError("no worker can start with these settings: the line above says why")
        pause = _put_off(seat, now)
        log.warning(
            "Master: %s ended (%s), another starts in %g s", seat.name, process.returncode, pause
        )
        if process.stdin:
            process.stdin.close()
        seat.process = None
        return Lost(seat.name, seat.mark.lift())


def _put_off(seat: _Seat, now: float) -> float:
    """Count a failure; the seconds until the seat is to be taken again."""
    pause = min(LONGEST_PAUSE_SECONDS, 2.0**seat.failures / 2) if seat.failures else 0.0
    seat.failures += 1
    seat.start_at = now + pause
    return pause


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
