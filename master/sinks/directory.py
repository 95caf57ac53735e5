"""A folder with one JSON file per mail, for people and for whatever reads JSON."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from postroom import records
from postroom.api_client import ApiClient
from postroom.errors import TemporaryError
from postroom.settings import Config, Options
from postroom.storage.durable import fsync_folder, make_folder

from . import Batch, Delivery, Verdict


class DirectoryOptions(Options, frozen=True):
    """[sink directory]."""

    path: str = "data/json"


class DirectorySink:
    """Files are written beside, fsynced and renamed; the same mail again replaces its file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def open(cls, config: Config, api: ApiClient) -> Self:
        """Read [sink directory]."""
        return cls(config.path_of(config.section("sink directory", DirectoryOptions).path))

    def deliver(self, batch: Batch) -> list[Verdict]:
        """Write the mails; what has no record has no file."""
        try:
            folders = {self._write(d, batch) for d in batch.deliveries if d.mail}
            for folder in folders:
                fsync_folder(folder)
        except OSError as e:
            raise TemporaryError(f"{self._folder}: {e.strerror or e}") from e
        return [Verdict("stored") for _ in batch.deliveries]

    def _write(self, delivery: Delivery, batch: Batch) -> Path:
        file = self._folder / _name(delivery)
        make_folder(file.parent)
        # The process id keeps two workers from writing into one file.
        beside = file.with_name(f".{file.name}.{os.getpid()}")
        with open(beside, "wb", opener=_private) as stream:
            stream.write(_encoded(_content(delivery, batch.url(delivery.sha256))))
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
        return file.parent


def _name(delivery: Delivery) -> Path:
    """From date and content alone: nothing that a sender chose gets into a path."""
    date = delivery.mail.date if delivery.mail else None
    day = date.strftime("%Y-%m-%d") if date else "undated"
    month = day[:7]
    return Path(month) / f"{day}-{delivery.sha256[:16]}.json"


def _content(delivery: Delivery, url: str) -> dict[str, Any]:
    mail = delivery.mail or records.Mail()
    people = ("sender", "from_", "to", "cc", "bcc", "reply_to")
    return {
        "subject": mail.subject,
        **{field.rstrip("_"): _people(getattr(mail, field)) for field in people},
        "date": mail.date.isoformat() if mail.date else None,
        "message_id": mail.message_id,
        "text": mail.text,
        "html": mail.html,
        "headers": mail.headers,
        "attachments": [
            {"name": a.name, "type": a.type, "size": a.size, "sha256": a.sha256}
            for a in mail.attachments
        ],
        "mailbox": delivery.mailbox,
        "folder": delivery.folder,
        "key": delivery.key,
        "sha256": delivery.sha256,
        "size": delivery.size,
        "raw": url,
    }


def _people(addresses: Sequence[records.Address]) -> list[dict[str, str]]:
    return [{"name": one.name, "address": one.address} for one in addresses]


def _encoded(content: dict[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, indent=1)
    return text.encode("utf-8", "replace") + b"\n"


def _private(path: str, flags: int) -> int:
    """Mail is nobody else's business."""
    return os.open(path, flags, 0o600)
