"""What a run finds in its folder, and what is taken out of it afterwards."""

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .job import FileFiles, Item, Job, MailFiles
from .secrets import Mask, Stream
from .view import Owner, View, copy, packed, write

OUTPUT = "output.txt"
_PIECE = 1 << 20
MOST_ARTEFACTS = 200
_LONGEST_NAME = 150


def lay_out(job: Job, view: View, owner: Owner | None) -> None:
    """Put the script and all that it is told into its folder."""
    write(view.told / "script.py", job.source.encode("utf-8", "surrogatepass"), owner)
    told(job, Item(key="", mail=job.mail, file=job.file), view.told, owner)


def told(job: Job, item: Item, folder: Path, owner: Owner | None) -> None:
    """Write what `context` shows into the folder."""
    context = {
        "run_id": job.run,
        "script": job.script,
        "version": job.version,
        "attempt": job.attempt,
        "arguments": job.arguments,
        "trigger": job.trigger,
        "since": job.since,
        "mail": _mail(item.mail, folder, owner) if item.mail else None,
        "file": _file(item.file, folder, owner) if item.file else None,
    }
    write(folder / "context", packed(context), owner)


def _mail(mail: MailFiles, folder: Path, owner: Owner | None) -> dict[str, Any]:
    copy(folder / "mail.eml", mail.raw, owner)
    records = mail.record.get("attachments") or []
    attachments = []
    for number, (name, path) in enumerate(mail.attachments, 1):
        file = f"{number}-{safe_name(name)}"
        copy(folder / file, path, owner)
        record = records[number - 1] if number <= len(records) else {}
        attachments.append([name, file, record])
    return {"record": mail.record, "raw": "mail.eml", "attachments": attachments}


def _file(file: FileFiles, folder: Path, owner: Owner | None) -> dict[str, Any]:
    name = "file-" + safe_name(str(file.record.get("filename", "")))
    copy(folder / name, file.content, owner)
    return {"record": file.record, "content": name}


def safe_name(name: str) -> str:
    """A name for a file that says the same; the end, which tells the type, is kept."""
    return re.sub(r"[^\w.@+=, -]|^\.+", "_", name)[-_LONGEST_NAME // 3 :] or "unnamed"


def collect(
    output: Path, kept: Path, mask: Mask, say: Callable[[str], None]
) -> tuple[Path | None, list[Path]]:
    """Move what the script made into a folder of ours: output.txt and its artefacts.

    Only plain files are taken, never what a link points to; each is moved out of the script's
    reach first and looked at there.
    """
    kept.mkdir(mode=0o700)
    text, artefacts = None, []
    for name in sorted(_names(output, say)):
        path = kept / _free(kept, name if name == OUTPUT else mask.text(_shown(name)))
        try:
            os.rename(output / name, path)
        except OSError as e:
            say(f"{_shown(name)}: left out: {e.strerror}")
            continue
        if not _is_plain(path):
            say(f"{_shown(name)}: left out: no file of its own")
            _remove(path)
            continue
        os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
        path.chmod(0o600)
        _mask(path, mask)
        if name == OUTPUT:
            text = path
        else:
            artefacts.append(path)
    return text, artefacts


def remove(folder: Path) -> None:
    """Remove a run's folder, also where the script closed folders of its own to us."""
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
    shutil.rmtree(folder)


def _names(output: Path, say: Callable[[str], None]) -> Iterator[str]:
    names = os.listdir(output)
    if len(names) > MOST_ARTEFACTS:
        say(f"{len(names)} files: no more than {MOST_ARTEFACTS} are kept")
        names = [*(name for name in names if name == OUTPUT), *sorted(names)[:MOST_ARTEFACTS]]
    yield from dict.fromkeys(names)


def _shown(name: str) -> str:
    """The name of a file that a script chose, as it may stand in a list or a header."""
    clean = re.sub(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff"\\/\u200e\u200f\u202a-\u202e]', "_", name)
    return clean[:_LONGEST_NAME] if not clean.startswith(".") else f"_{clean[:_LONGEST_NAME]}"


def _free(folder: Path, name: str) -> str:
    number, found = 1, name
    while os.path.lexists(folder / found):
        number += 1
        found = f"{number}-{name}"
    return found


def _is_plain(path: Path) -> bool:
    status = path.lstat()
    # What is linked twice has a name outside as well, and may be another's.
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _mask(path: Path, mask: Mask) -> None:
    """Write the file anew without secrets, if it may hold some."""
    if not mask.forms:
        return
    beside, stream = path.with_name(".masked"), Stream(mask)
    with path.open("rb") as source, beside.open("wb") as to:
        while piece := source.read(_PIECE):
            to.write(stream.feed(piece))
        to.write(stream.end())
    beside.chmod(0o600)
    beside.replace(path)
