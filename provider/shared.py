"""What the mailboxes of a process share, made from the settings."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from postroom import line, settings
from postroom.settings import Config

from .budget import Budget
from .link import Shared


@contextmanager
def opened(config: Config, stop: threading.Event) -> Iterator[Shared]:
    """Lanes to the master, and one budget."""
    options = config.section("provider", settings.Provider)
    # The lanes outlive the first signal: what they carry is to be answered.
    ended = threading.Event()
    lanes = line.lanes_of(config, "provider", options, ended)
    try:
        yield Shared(
            lanes=lanes,
            budget=Budget(options.budget_megabytes * 1024 * 1024, 2 * options.lanes, stop),
            stop=stop,
            address=line.address_of(config, options),
            heartbeat_seconds=options.heartbeat_seconds,
        )
    finally:
        ended.set()
        lanes.close()
