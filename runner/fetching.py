"""The mail or file that a run is about, brought from the API into a folder."""

from collections.abc import Iterable
from pathlib import Path

from postroom.errors import RefusedError
from postroom.runner_client import RunnerClient

from .job import FileFiles, MailFiles


def mail(client: RunnerClient, id_: int, folder: Path) -> MailFiles:
    """Its record, its raw bytes (none, where only its record was delivered), its attachments."""
    record = client.mail(id_)
    raw = _save(folder / "raw", client.stream(f"/v1/mails/{id_}/raw"), "no_raw")
    attachments = []
    for each in record.get("attachments") or []:
        number = each["number"]
        path = f"/v1/mails/{id_}/attachments/{number}"
        file = _save(folder / f"attachment-{number}", client.stream(path), "no_raw")
        attachments.append((str(each.get("name", "")), file))
    return MailFiles(record=record, raw=raw, attachments=tuple(attachments))


def file(client: RunnerClient, id_: int, folder: Path) -> FileFiles:
    """Its record and its content."""
    record = client.file(id_)
    content = _save(folder / "content", client.stream(f"/v1/files/{id_}/content"), "")
    return FileFiles(record=record, content=content)


def _save(path: Path, pieces: Iterable[bytes], nothing: str) -> Path:
    """Write all; a refusal with the code `nothing` makes an empty file."""
    with path.open("wb") as to:
        try:
            to.writelines(pieces)
        except RefusedError as e:
            if not nothing or e.code != nothing:
                raise
    return path
