"""The mailbox that the demo fills: an IMAP server of its own, else a Maildir."""

import itertools
import os
import secrets
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

_serial = itertools.count(1)


class Box(Protocol):
    """A mailbox that takes mail from the demo and is read by the provider."""

    #: What it is, for people.
    title: str

    def append(self, raw: bytes) -> None:
        """Let a mail arrive."""

    def section(self) -> Mapping[str, object]:
        """The keys of its section in config.ini."""

    def credentials(self) -> Mapping[str, str]:
        """The variables of imap_credentials.py; empty where nobody logs in."""

    def stop(self) -> None:
        """End what runs for it."""


class ImapBox:
    """A server in this process; raises whatever keeps it from running."""

    def __init__(self) -> None:
        server: Any = import_module("postroom.demo.imap_server").DemoImap
        self._server = server("demo", secrets.token_urlsafe(12)).start()
        self.title = f"an IMAP server on port {self._server.port} of this machine"

    def append(self, raw: bytes) -> None:
        """Let a mail arrive."""
        self._server.append(raw)

    def section(self) -> Mapping[str, object]:
        """Without TLS: the connection does not leave the machine."""
        where = {"server": "127.0.0.1", "port": self._server.port, "tls": "none"}
        return {"source": "imap", **where, "poll_seconds": 2}

    def credentials(self) -> Mapping[str, str]:
        """User name and password, made for this run."""
        return {"imap_username": self._server.user, "imap_password": self._server.password}

    def stop(self) -> None:
        """Cut the connections."""
        self._server.stop()


class MaildirBox:
    """A folder of files (https://cr.yp.to/proto/maildir.html)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("tmp", "new", "cur"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.title = f"the Maildir {folder}"

    def append(self, raw: bytes) -> None:
        """Written beside, then moved: no reader sees half a mail."""
        name = f"{next(_serial):06}.{secrets.token_hex(8)}.P{os.getpid()}.demo"
        (self._folder / "tmp" / name).write_bytes(raw)
        (self._folder / "tmp" / name).rename(self._folder / "new" / name)

    def section(self) -> Mapping[str, object]:
        """Looked at every two seconds."""
        return {"source": "maildir", "path": self._folder, "poll_seconds": 2}

    def credentials(self) -> Mapping[str, str]:
        """A file needs none."""
        return {}

    def stop(self) -> None:
        """Nothing runs."""


def opened(folder: Path, maildir: bool, say: Callable[[str], None]) -> Box:
    """An IMAP server if it can run, unless a Maildir is asked for."""
    if not maildir:
        try:
            return ImapBox()
        except Exception as e:  # noqa: BLE001 - whatever an optional library does, the demo goes on
            say(f"the embedded IMAP server cannot run here ({type(e).__name__}: {e})")
            say("so the same mails come from a Maildir; for IMAP: pip install 'pymap==0.36.7'")
    return MaildirBox(folder / "Maildir")
