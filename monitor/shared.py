"""What all that a monitor does has in common, made from the settings."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postroom import digest_options, line, settings
from postroom.mailer import Mailer
from postroom.metrics import Numbers
from postroom.settings import Config, Digest
from postroom.sockets import Lanes
from postroom.storage import Storage, open_files

from . import measured, spool
from .bars import Bars
from .web import Hosts


@dataclass(frozen=True, slots=True)
class Shared:
    """For any thread."""

    lanes: Lanes
    storage: Storage
    hosts: Hosts
    bars: Bars
    #: Where downloads lie until the storage has them.
    folder: Path
    digest: Digest
    #: None: there is nobody to mail digests to.
    mailer: Mailer | None
    stop: threading.Event
    numbers: Numbers = field(default_factory=lambda: Numbers(measured.METRICS))

    @property
    def digest_per_look(self) -> bool:
        """Whether each look makes a digest of its page, not each day one of all."""
        return self.mailer is not None and not self.digest.at

    def ask(self, request: Any, who: str) -> Any:
        """Ask again as often as the master says "later"; see postroom.line.ask."""
        return line.ask(self.lanes, request, who, self.stop)


@contextmanager
def opened(config: Config, bars: Bars, stop: threading.Event) -> Iterator[Shared]:
    """Lanes to the master, the storage of files, a folder for downloads."""
    options = config.section("monitor", settings.Monitor)
    digest = digest_options.options(config)
    mailer = Mailer.configured(config)
    with config.blaming("monitor", "spool"), spool.opened(config.path_of(options.spool)) as folder:
        storage = open_files(config)
        # The lanes outlive the first signal: what they carry is to be answered.
        ended = threading.Event()
        lanes = line.lanes_of(config, "monitor", options, ended)
        try:
            yield Shared(
                lanes=lanes,
                storage=storage,
                hosts=Hosts(),
                bars=bars,
                folder=folder,
                digest=digest,
                mailer=mailer,
                stop=stop,
            )
        finally:
            ended.set()
            lanes.close()
            storage.close()
