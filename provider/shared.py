"""What the mailboxes of a process share, made from the settings."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from postroom import settings
from postroom.settings import Config
from postroom.sockets import ClientKeys, Lanes

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
    lanes = lanes_of(config, options, ended)
    try:
        yield Shared(
            lanes=lanes,
            budget=Budget(options.budget_megabytes * 1024 * 1024, 2 * options.lanes, stop),
            stop=stop,
            address=address_of(config, options),
            heartbeat_seconds=max(options.heartbeat_seconds, mailboxes / SIGNS_A_SECOND),
            spread_seconds=mailboxes / CONNECTS_A_SECOND,
        )
    finally:
        ended.set()
        lanes.close()


def address_of(config: Config, options: settings.Provider) -> str:
    """Where the master is."""
    return options.master or config.section("master", settings.Master).address


def lanes_of(config: Config, options: settings.Provider, stop: threading.Event) -> Lanes:
    """Lanes with this provider's keys, if it has some."""
    keys = None
    if options.key_file:
        keys = ClientKeys.load(
            config.path_of(options.key_file), config.path_of(options.server_key_file)
        )
    section, key = ("provider", "master") if options.master else ("master", "host")
    with config.blaming(section, key):
        return Lanes(
            address_of(config, options),
            lanes=options.lanes,
            resend_seconds=options.resend_seconds,
            reconnect_seconds=options.reconnect_seconds,
            keys=keys,
            stop=stop,
        )
