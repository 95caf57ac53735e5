"""What the mailboxes of a process share, made from the settings."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from postroom import line, settings
from postroom.settings import Config

from .budget import Budget
from .link import Shared

#: Of all mailboxes of a process together: many send their signs of life more rarely, ...
SIGNS_A_SECOND = 20
#: ... and connect one after the other when a server that all of them lost is back.
CONNECTS_A_SECOND = 50


@contextmanager
def opened(config: Config, stop: threading.Event, mailboxes: int = 1) -> Iterator[Shared]:
    """Lanes to the master, and one budget, for so many mailboxes."""
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
            heartbeat_seconds=max(options.heartbeat_seconds, mailboxes / SIGNS_A_SECOND),
            spread_seconds=mailboxes / CONNECTS_A_SECOND,
        )
    finally:
        ended.set()
        lanes.close()
