"""How far a long command is: a bar on a terminal, counts in the log elsewhere."""

import logging
import sys
import time
from typing import Protocol, Self

log = logging.getLogger(__name__)
TELL_SECONDS = 10.0


class Progress(Protocol):
    """Shown until it is left."""

    def told(self, done: int, total: int, words: str) -> None:
        """So many of so many; `words` say what they came to."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def progress(title: str) -> Progress:
    """What fits the place that standard error goes to."""
    return Bar(title) if sys.stderr.isatty() else Counts(title)


class Counts:
    """A line of the log now and then."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._tell_at = 0.0

    def told(self, done: int, total: int, words: str) -> None:
        """A line, unless there was one a moment ago."""
        if time.monotonic() >= self._tell_at:
            self._tell_at = time.monotonic() + TELL_SECONDS
            log.info("%s: %d of %d: %s", self._title, done, total, words)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be taken back."""


class Bar:
    """A bar with the time that is left."""

    def __init__(self, title: str) -> None:
        # Not needed where nobody looks.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[words]}"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(title, total=None, words="")

    def told(self, done: int, total: int, words: str) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total, words=words)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()
