"""A provider's mailbox in a thread, against a stub master, as the provider's own main runs it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from postroom.credentials import Credentials
from postroom.sockets import Lanes
from provider.budget import Budget
from provider.link import Shared
from provider.loop import Mailbox
from provider.quota import Clock, utc
from provider.shares import Accounts
from provider.sources import Source
from provider.sources.imap import ImapSource
from provider.sources.imap.options import ImapOptions
from provider.sources.pop3 import Pop3Source
from provider.sources.pop3.options import Pop3Options
from tests.stubs.master import StubMaster


class Rig:
    """One master and the mailboxes that a test runs against it."""

    def __init__(
        self,
        heartbeat_seconds: float = 0.2,
        budget: int = 32 * 1024 * 1024,
        clock: Clock = utc,
    ) -> None:
        self.master = StubMaster()
        self.stop = threading.Event()
        self._ended = threading.Event()
        self._lanes = Lanes(
            self.master.address, reconnect_seconds=0.5, resend_seconds=5, stop=self._ended
        )
        self.shared = Shared(
            self._lanes,
            Budget(budget, 8, self.stop),
            self.stop,
            self.master.address,
            heartbeat_seconds,
            accounts=Accounts(clock),
        )
        self._threads: list[threading.Thread] = []

    def once(self, source: Source, name: str = "work") -> bool:
        """One complete pass; whether nothing is missing."""
        mailbox = Mailbox(name, source, self.shared, once=True)
        mailbox.run()
        return mailbox.complete

    def serve(self, source: Source, name: str = "work") -> None:
        """Run a mailbox until the rig is closed."""
        run: Callable[[], None] = Mailbox(name, source, self.shared).run
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._threads.append(thread)

    @property
    def is_serving(self) -> bool:
        """Whether a mailbox was given to `serve`."""
        return bool(self._threads)

    @property
    def is_alive(self) -> bool:
        """Whether all of those are still read."""
        return all(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(5)
        self._ended.set()
        self._lanes.close()
        self.master.close()
        assert not any(thread.is_alive() for thread in self._threads)


def imap(server: Any, user: str = "work", password: str = "", /, **options: Any) -> ImapSource:
    """A source for a server of the tests, in the clear unless told otherwise."""
    port = server.ports.imap if hasattr(server, "ports") else server.port
    told = ImapOptions(**{"server": server.host, "port": port, "tls": "none", **options})
    return ImapSource(told, Credentials(user, password or f"{user}-secret"), Path)


def pop3(server: Any, user: str = "work", password: str = "", /, **options: Any) -> Pop3Source:
    """The same over POP3."""
    port = server.ports.pop3 if hasattr(server, "ports") else server.port
    told = Pop3Options(**{"server": server.host, "port": port, "tls": "none", **options})
    return Pop3Source(told, Credentials(user, password or f"{user}-secret"), Path)


def mail(number: int, body: bytes = b"hello\r\n") -> bytes:
    """A small mail of its own."""
    return b"Message-ID: <%d@example.org>\r\nSubject: number %d\r\n\r\n" % (number, number) + body
