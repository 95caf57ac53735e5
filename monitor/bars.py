"""How far downloads are: bars on a terminal, now and then a line of the log elsewhere."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

log = logging.getLogger(__name__)

TELL_SECONDS = 10.0
MEGABYTE = 1_000_000
#: Bytes so far, and of the whole where that is known.
Told = Callable[[int, int | None], None]


class Bars(Protocol):
    """For any number of threads."""

    @contextmanager
    def file(self, name: str) -> Iterator[Told]:
        """Show a download until it is left."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Move nothing on the terminal meanwhile: somebody is asked something there."""


def bars() -> Bars:
    """What fits the place that standard error goes to."""
    return TerminalBars() if sys.stderr.isatty() else Lines()


class Lines:
    """A line for what takes long."""

    @contextmanager
    def file(self, name: str) -> Iterator[Told]:
        """Tell of it every now and then."""
        tell_at = time.monotonic() + TELL_SECONDS

        def told(done: int, total: int | None) -> None:
            nonlocal tell_at
            if time.monotonic() >= tell_at:
                tell_at = time.monotonic() + TELL_SECONDS
                of = f" of {total / MEGABYTE:.1f}" if total else ""
                log.info("%s: %.1f%s MB", name, done / MEGABYTE, of)

        yield told

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing moves."""
        yield


class TerminalBars:
    """A bar for each download that is under way; none when there is none."""

    def __init__(self) -> None:
        # Not needed where nobody looks.
        from rich import progress  # noqa: PLC0415
        from rich.console import Console  # noqa: PLC0415

        self._rich = progress
        self._console = Console(stderr=True)
        self._lock = threading.Lock()
        self._shown: Any = None
        self._files = self._holds = 0

    @contextmanager
    def file(self, name: str) -> Iterator[Told]:
        """A bar of its own."""
        bar = self._begin()
        task = bar.add_task("", name=name, total=None)
        try:
            yield lambda done, total: bar.update(task, completed=done, total=total)
        finally:
            bar.remove_task(task)
            self._end()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take the bars away until it is left."""
        with self._lock:
            self._holds += 1
            if self._shown:
                self._shown.stop()
        try:
            yield
        finally:
            with self._lock:
                self._holds -= 1
                if self._shown and not self._holds:
                    self._shown.start()

    def _begin(self) -> Any:
        with self._lock:
            self._files += 1
            if not self._shown:
                self._shown = self._new()
                if not self._holds:
                    self._shown.start()
            return self._shown

    def _end(self) -> None:
        with self._lock:
            self._files -= 1
            if not self._files:
                self._shown.stop()
                self._shown = None

    def _new(self) -> Any:
        rich = self._rich
        return rich.Progress(
            # Names come from elsewhere: no markup, no line that breaks.
            rich.TextColumn("{task.fields[name]}", markup=False),
            rich.BarColumn(),
            rich.DownloadColumn(),
            rich.TransferSpeedColumn(),
            rich.TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
