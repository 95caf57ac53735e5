"""An IMAP account as a source."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from postroom.credentials import Credentials
from postroom.errors import PostroomError, TemporaryError

from ..login import Login
from ..strikes import Strikes
from .client import Client
from .errors import told
from .folder import ImapFolder
from .idle import Idle
from .options import ImapOptions
from .removal import ImapRemoval, require_uidplus

log = logging.getLogger(__name__)

PORTS = {"ssl": 993, "starttls": 143, "none": 143}
#: With IDLE, the folder is looked at all the same.
IDLE_POLL_SECONDS = 300.0
GOODBYE_SECONDS = 2.0


class ImapSource:
    """One account; the connection is made anew by each `connect`."""

    Options: ClassVar = ImapOptions
    kind = "imap"

    def __init__(
        self, options: ImapOptions, credentials: Credentials, path_of: Callable[[str], Path]
    ) -> None:
        self._options = options
        self.limits = options.limits
        self._login = Login(self.kind, options, credentials, path_of, PORTS)
        self.fingerprint, self.title = self._login.fingerprint, self._login.title
        self._connection: Client | None = None
        self._folder: ImapFolder | None = None
        self._idle: Idle | None = None
        self._watched = ""
        #: Folders without UIDVALIDITY, said once.
        self._unnumbered: set[str] = set()
        self._strikes: defaultdict[str, Strikes] = defaultdict(Strikes)
        #: Of mails whose size or header the server cannot tell.
        self._doubts: defaultdict[str, Strikes] = defaultdict(lambda: Strikes(lasting=True))

    def connect(self) -> None:
        """Connect, encrypt, log in."""
        self._login.come_in(self)

    def dial(self) -> None:
        """See Connecting."""
        login = self._login
        with told(f"connecting to {login.server}:{login.port}"):
            seconds = self._options.timeout_seconds
            self._connection = client = Client(login.server, login.port, login.implicit, seconds)
            if login.starttls:
                client.starttls(login.starttls)

    def log_in(self) -> None:
        """See Connecting."""
        with told(str(self._login)):
            self._client.login_as(self._login.user, self._login.password)

    def bear(self, token: str) -> None:
        """See Connecting."""
        with told(f"{self._login} by OAuth2"):
            self._client.bear(self._login.user, token)

    def close(self) -> None:
        """Say goodbye if the server still listens."""
        client, self._connection, self._folder = self._connection, None, None
        idle, self._idle = self._idle, None
        if client is None:
            return
        with suppress(Exception):
            client.socket().settimeout(GOODBYE_SECONDS)
            if idle is not None:
                idle.done()
            client.logout()
        with suppress(Exception):
            client.shutdown()

    def folders(self) -> list[str]:
        """The configured names, and what the patterns match now."""
        names: dict[str, None] = {}
        for pattern in self._options.folders:
            names.update(dict.fromkeys(self._matching(pattern)))
        self._watched = ""
        return list(names)

    def _matching(self, pattern: str) -> list[str]:
        if not {"*", "%"} & set(pattern):
            return [pattern]
        with told(f"listing the folders {pattern}"):
            found = self._client.list_folders("", pattern)
        closed = {b"\\noselect", b"\\nonexistent"}
        names = [name for flags, _, name in found if closed.isdisjoint(map(bytes.lower, flags))]
        return sorted(names, key=lambda name: (name.upper() != "INBOX", name))

    def open(self, name: str) -> ImapFolder:
        """EXAMINE the folder; the first one that opens is the watched one."""
        self._folder = folder = ImapFolder(
            self._client, name, self._options, self._strikes[name], self._doubts[name]
        )
        self._watched = self._watched or name
        if not folder.uidvalidity and name not in self._unnumbered:
            self._unnumbered.add(name)
            log.warning("%s: %s: the server gives no UIDVALIDITY", self.title, name)
        return folder

    @contextmanager
    def removing(self, name: str) -> Iterator[ImapRemoval]:
        """SELECT the folder; where there is no UIDPLUS, nothing can be deleted safely."""
        require_uidplus(self._client, self.title)
        self._folder = None
        removal = ImapRemoval(
            self._client, name, self._options, self._strikes[name], self._doubts[name]
        )
        try:
            yield removal
        finally:
            # Where the connection broke, the marks stay: on mails that are proven to be stored.
            with suppress(PostroomError):
                removal.undo()

    def poll_seconds(self) -> float:
        """Longer where IDLE tells of all that is read."""
        idle_tells_all = self._idles() and self._options.folders == (self._watched,)
        return max(self._options.poll_seconds, IDLE_POLL_SECONDS if idle_tells_all else 0.0)

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """IDLE on the watched folder, or sleep."""
        if self._idle is None and not (self._watched and self._idles()):
            stop.wait(seconds)
            return False
        with told(f"waiting for news of {self._watched}"):
            if self._idle is None:
                if self._has_changed():
                    return True
                self._idle = Idle.begun(self._client)
                if self._idle is None:
                    return True
            return self._idle.wait(seconds, stop) and self._idle_done()

    def _has_changed(self) -> bool:
        """Whether news of the watched folder came while we were busy, and so is not told again."""
        folder = self._folder
        if folder is None or folder.name != self._watched:
            folder = self.open(self._watched)
        return self._client.told_exists() not in (None, folder.status.exists)

    def _idle_done(self) -> bool:
        """Leave IDLE, if we are in it; whether there is news."""
        idle, self._idle = self._idle, None
        return idle is not None and idle.done()

    def _idles(self) -> bool:
        with told(f"asking {self._login.server} what it can do"):
            return bool(self._client.has_capability("IDLE"))

    @property
    def _client(self) -> Client:
        if self._connection is None:
            raise TemporaryError(f"{self.title}: not connected")
        if self._idle is not None:
            # What it told of, the look that follows sees for itself.
            self._idle_done()
        return self._connection
