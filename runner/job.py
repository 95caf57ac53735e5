"""What one run is told, and what became of it."""

from pathlib import Path
from typing import Any, Literal

import msgspec

Status = Literal["completed", "error"]


class MailFiles(msgspec.Struct, frozen=True):
    """A mail: its record as GET /v1/mails/{id} shows it, and the files that hold its bytes."""

    record: dict[str, Any]
    raw: Path
    #: Name and content of each of the record's attachments, in their order.
    attachments: tuple[tuple[str, Path], ...] = ()


class FileFiles(msgspec.Struct, frozen=True):
    """A file of a watched page: its record as GET /v1/files/{id} shows it, and its content."""

    record: dict[str, Any]
    content: Path


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one run of one version of a script."""

    run: int
    script: str
    version: int = 1
    attempt: int = 1
    #: The text of the Python file.
    source: str
    arguments: dict[str, Any] = {}
    trigger: dict[str, Any] = {}
    #: When the last completed run began, in ISO 8601; empty before the first.
    since: str = ""
    #: Names, never values.
    secrets: tuple[str, ...] = ()
    seconds: float = 60.0
    megabytes: int = 512
    network: bool = False
    mail: MailFiles | None = None
    file: FileFiles | None = None
    #: Given only where the network is allowed.
    api_url: str = ""
    api_token: str = ""

    def __repr__(self) -> str:
        # A token must not get into a log by way of an f-string.
        return f"Job(run={self.run}, script={self.script!r}, attempt={self.attempt})"


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    status: Status
    #: As a shell tells it: 128 + N for a death by signal N. None when the script never started.
    exit_code: int | None
    #: Empty, or what went wrong, for people.
    error: str
    #: What was in force.
    isolation: Literal["bubblewrap", "limits", "none"]
    #: output.txt, where there is one; that of a failed run holds its error.
    output: Path | None = None
    artefacts: tuple[Path, ...] = ()


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One of the mails or files that a batch goes through."""

    #: The caller's own name for it.
    key: str
    mail: MailFiles | None = None
    file: FileFiles | None = None


class ItemEnded(msgspec.Struct, frozen=True, kw_only=True):
    """What the script made of one item of a batch."""

    key: str
    status: Status
    #: Of output.txt, cut at what the caller takes.
    output: bytes
    cut: bool = False
    error: str = ""
