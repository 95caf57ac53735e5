"""A POP3 account as a source."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from postroom.credentials import Credentials
from postroom.errors import SourceError, TemporaryError
from postroom.wire import Key

from ...auth import sasl
from ...quota import Quota
from ..login import Login
from .connection import Connection
from .errors import InUseError, told
from .folder import INBOX, Memory, Pop3Folder
from .options import Pop3Options
from .removal import Pop3Removal

log = logging.getLogger(__name__)

PORTS = {"ssl": 995, "starttls": 110, "none": 110}
GOODBYE_SECONDS = 2.0
#: So long a server may take to end a session that it was asked to end, and so often it is asked.
UNLOCK_SECONDS = 20.0
UNLOCK_STEP = 0.5


class Pop3Source:
    """One account; one session for each look, since it locks other clients out."""

    Options: ClassVar = Pop3Options
    kind = "pop3"

    def __init__(
        self, options: Pop3Options, credentials: Credentials, path_of: Callable[[str], Path]
    ) -> None:
        self._options = options
        self.limits = options.limits
        self._login = Login(self.kind, options, credentials, path_of, PORTS)
        self.fingerprint, self.title = self._login.fingerprint, self._login.title
        self._connection: Connection | None = None
        self._capabilities: dict[str, list[str]] | None = None
        self._login_delay = 0.0
        self._folder: Pop3Folder | None = None
        self._memory = Memory()
        #: What the server lacks, said once.
        self._said = False

    def connect(self) -> None:
        """Connect, encrypt, log in."""
        self._login.come_in(self)

    def dial(self) -> None:
        """See Connecting."""
        login = self._login
        with told(f"connecting to {login.server}:{login.port}"):
            self._connection = connection = Connection(
                login.server, login.port, login.implicit, self._options.timeout_seconds
            )
            if login.starttls:
                connection.encrypt(login.starttls)
            # Asked on the encrypted line: before, anybody could have answered.
            self._note(connection.capabilities())

    def log_in(self) -> None:
        """See Connecting."""
        connection = self._session()[0]
        with told(str(self._login), login_delay=self._login_delay):
            connection.user(self._login.user)
            connection.pass_(self._login.password)

    def bear(self, token: str) -> None:
        """See Connecting."""
        connection = self._session()[0]
        offered = (self._capabilities or {}).get("SASL", [])
        way = sasl.chosen({name.upper() for name in offered})
        if way is None:
            raise SourceError(f"{self._login.server} takes no OAuth2 login: set auth = password")
        with told(f"{self._login} by OAuth2", login_delay=self._login_delay):
            connection.bear(way, self._login.user, token)

    def _note(self, capabilities: dict[str, list[str]] | None) -> None:
        self._capabilities = capabilities
        delay = (capabilities or {}).get("LOGIN-DELAY", [])
        told_ = delay[0] if delay and delay[0].isdigit() else "0"
        self._login_delay = float(told_[:6])

    def close(self) -> None:
        """Say goodbye if the server still listens."""
        connection, self._connection, self._folder = self._connection, None, None
        if connection:
            connection.goodbye(GOODBYE_SECONDS)

    def meter(self, quota: Quota) -> None:
        """Tell it of mails that are read only to know which they are."""
        self._memory.quota = quota

    def folders(self) -> list[str]:
        """POP3 knows but one."""
        return [INBOX]

    def open(self, name: str) -> Pop3Folder:
        """The maildrop as this session sees it, for as long as nobody waits."""
        if name != INBOX:
            raise SourceError(f"a POP3 account has the folder {INBOX} alone")
        if self._connection is None:
            self.connect()
        if self._folder is None:
            self._folder = self._listed()
        return self._folder

    def _session(self) -> tuple[Connection, dict[str, list[str]] | None, Memory, str]:
        if self._connection is None:
            raise TemporaryError(f"{self.title}: not connected")
        return self._connection, self._capabilities, self._memory, self._options.first

    def _listed(self) -> Pop3Folder:
        folder = Pop3Folder(*self._session())
        lacks = [
            *([] if self._memory.had_uidl else ["UIDL"]), *([] if folder.has_top else ["TOP"]),
        ]  # fmt: skip
        if lacks and not self._said:
            self._said = True
            log.warning("%s: the server has no %s", self.title, " and no ".join(lacks))
        return folder

    @contextmanager
    def removing(self, name: str) -> Iterator[Pop3Removal]:
        """A session of its own, which locks the maildrop until it ends."""
        if name != INBOX:
            raise SourceError(f"a POP3 account has the folder {INBOX} alone")
        self.connect()
        removal = Pop3Removal(*self._session(), listed=self._keys_anew)
        try:
            yield removal
        finally:
            removal.undo()
            self.close()

    def _keys_anew(self) -> set[Key]:
        """What a new session lists; the server may yet be busy with the end of the last one."""
        latest = time.monotonic() + UNLOCK_SECONDS
        while True:
            try:
                self.connect()
                return set(self.open(INBOX).keys())
            except InUseError:
                if time.monotonic() > latest:
                    raise
                time.sleep(UNLOCK_STEP)

    def poll_seconds(self) -> float:
        """As configured, but never more often than the server allows."""
        return max(self._options.poll_seconds, self._login_delay)

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """End the session, so that others can have the maildrop; POP3 tells no news."""
        self.close()
        stop.wait(seconds)
        return False
