"""One run: its folder, its process, its log, its output."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event

from postroom.settings import Config

from .job import Ended, Item, ItemEnded, Job

#: Is told the stream ("out" or "err") and what came, masked and bounded.
OnLog = Callable[[str, bytes], None]


class Workshop:
    """What all runs share: the isolation that works here, environments, secrets, limits."""

    def __init__(self, config: Config) -> None:
        raise NotImplementedError


def work(job: Job, folder: Path, workshop: Workshop, on_log: OnLog, stop: Event) -> Ended:
    """Run a script to its end in `folder`, which must be empty; the caller removes it.

    Never raises for what the script does; TemporaryError when this machine cannot run it now.
    """
    raise NotImplementedError


def work_batch(
    job: Job,
    items: Iterable[Item],
    folder: Path,
    workshop: Workshop,
    on_log: OnLog,
    stop: Event,
    most_bytes: int = 65_536,
) -> Iterator[ItemEnded]:
    """Run the script once for each item, all in one isolated process as long as that lives."""
    raise NotImplementedError
