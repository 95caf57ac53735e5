"""A mail or a file at a developer's desk, as Postroom would show it to a script."""

import hashlib
import mimetypes
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from postroom.errors import ObjectMissingError, ParseError
from postroom.parsing.mail import parse
from postroom.parts import part_bytes
from postroom.records import Mail

from .job import FileFiles, MailFiles


def mail(path: Path, folder: Path) -> MailFiles:
    """The mail in an .eml file; its attachments are written into `folder`."""
    raw = _read(path)
    read = parse(raw)
    files = []
    for number, each in enumerate(read.attachments, 1):
        file = folder / f"attachment-{number}"
        file.write_bytes(_part(raw, each.part))
        files.append((each.name, file))
    return MailFiles(record=_record(read, raw), raw=path, attachments=tuple(files))


def file(path: Path) -> FileFiles:
    """A file of this machine as if a watched page had it."""
    content = _read(path)
    now = _moment(datetime.now(UTC))
    return FileFiles(
        record={
            "id": 0,
            "filename": path.name,
            "download_url": path.absolute().as_uri(),
            "storage_url": "",
            "page": "desk",
            "version": hashlib.sha256(content).hexdigest(),
            "current": True,
            "state": "stored",
            "size": len(content),
            "type": mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            "text": "",
            "created": now,
            "changed": now,
        },
        content=path,
    )


def _record(read: Mail, raw: bytes) -> dict[str, Any]:
    """What GET /v1/mails/{id} answers of such a mail; it stands nowhere, and so has no places."""
    now = _moment(datetime.now(UTC))
    told: dict[str, Any] = msgspec.to_builtins(read)
    sent = told.pop("date")
    told["attachments"] = [
        {"number": number, **each} for number, each in enumerate(told["attachments"], 1)
    ]
    return {
        **told,
        "id": 0,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "size": len(raw),
        "state": "parsed",
        "date": _moment(read.date) if read.date else now,
        "sent": sent,
        "thread_id": None,
        "has_raw": True,
        "created": now,
        "places": [],
    }


def _moment(date: datetime) -> str:
    return f"{date.astimezone(UTC).isoformat()[:19]}.000Z"


def _part(raw: bytes, path: str) -> bytes:
    try:
        return part_bytes(raw, path)
    except ObjectMissingError:
        return b""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise ParseError(f"{path}: cannot be read: {e.strerror}") from e
