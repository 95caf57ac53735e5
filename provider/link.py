"""What one mailbox's thread says to the master, and what it was told at HELLO."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from postroom import __version__, line, wire
from postroom.metrics import Numbers
from postroom.sockets import Lanes

from . import measured
from .budget import Budget
from .later import Later
from .quota import Day, Quota
from .shares import Accounts
from .sources import Source


@dataclass(frozen=True, slots=True)
class Shared:
    """What all mailboxes of the process have in common."""

    lanes: Lanes
    budget: Budget
    stop: threading.Event
    #: Where the master is.
    address: str
    heartbeat_seconds: float = 10.0
    #: In which all mailboxes connect again that were cut off at the same moment.
    spread_seconds: float = 0.0
    #: What the mailboxes of an account have in common.
    accounts: Accounts = field(default_factory=Accounts)
    #: Hears what the master made of each mail.
    heard: Callable[[wire.ItemReply], None] = lambda _: None
    numbers: Numbers = field(default_factory=lambda: Numbers(measured.METRICS))


@dataclass(slots=True)
class Link:
    """A mailbox's line to the master."""

    name: str
    shared: Shared
    #: Seconds between two signs of life; 0: they are not to be expected.
    interval: float = 0.0
    epoch: int = 0
    limits: wire.Limits = field(default_factory=wire.Limits)
    #: What the master does not want yet, over all passes.
    later: Later = field(default_factory=Later)
    #: What may still be downloaded today.
    quota: Quota = field(default_factory=lambda: Quota(Day()))

    @property
    def stop(self) -> threading.Event:
        """Set when the process is to end."""
        return self.shared.stop

    def hello(self, source: Source) -> None:
        """Present the source; all later requests belong to the epoch that is answered."""
        today = self.quota.today()
        answer = self.ask(
            wire.Hello(
                mailbox=self.name,
                kind=source.kind,
                fingerprint=source.fingerprint,
                interval=self.interval,
                version=f"postroom {__version__}",
            )
        )
        self.epoch = answer.epoch
        self.quota.told(today, answer.today_bytes)
        self.limits = wire.Limits(
            batch_items=min(answer.limits.batch_items, wire.MAX_BATCH_ITEMS),
            batch_bytes=min(answer.limits.batch_bytes, wire.MAX_PART),
            part_bytes=min(answer.limits.part_bytes, wire.MAX_PART),
            mail_bytes=answer.limits.mail_bytes,
        )

    def ask(self, request: Any) -> Any:
        """Ask again as often as the master says "later".

        Raises RefusedError when it says no, TemporaryError when told to stop.
        """
        return line.ask(self.shared.lanes, request, self.name, self.stop)

    def place(self, folder: str, uidvalidity: int) -> dict[str, Any]:
        """The fields by which a request names a folder."""
        return {
            "mailbox": self.name,
            "epoch": self.epoch,
            "folder": folder,
            "uidvalidity": uidvalidity,
        }
