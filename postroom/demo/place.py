"""The folder that a demo lives in: its settings, its credentials, its ports."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from postroom.demo.mailboxes import Box
from postroom.net import free_port

HOST = "127.0.0.1"
MAILBOX = "demo"


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are."""

    folder: Path
    api_port: int
    master_port: int

    @property
    def config(self) -> Path:
        """The settings of all daemons."""
        return self.folder / "config.ini"

    @property
    def url(self) -> str:
        """The API's address."""
        return f"http://{HOST}:{self.api_port}"


def prepared(
    folder: Path, port: int, box: Box, more: Mapping[str, Mapping[str, object]] | None = None
) -> Place:
    """Write the settings; `port` is taken for the API when it is free, else another."""
    api_port = port if port and _is_free(port) else free_port(HOST)
    place = Place(folder, api_port, free_port(HOST))
    sections = {
        "api": {"host": HOST, "port": place.api_port},
        "master": {"host": HOST, "port": place.master_port},
        f"mailbox {MAILBOX}": box.section(),
        **(more or {}),
    }
    place.config.write_text(_ini(sections), encoding="utf-8")
    if box.credentials():
        _write_credentials(folder / "imap_credentials.py", box.credentials())
    return place


def _ini(sections: Mapping[str, Mapping[str, object]]) -> str:
    lines = ["# Written by the demo at each start."]
    for name, keys in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {value}" for key, value in keys.items())]
    return "\n".join([*lines, ""])


def _write_credentials(path: Path, variables: Mapping[str, str]) -> None:
    path.unlink(missing_ok=True)
    # Private from its first moment, not by a chmod that comes later.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{name} = {value!r}\n" for name, value in variables.items())


def _is_free(port: int) -> bool:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((HOST, port))
        except OSError:
            return False
        return True
