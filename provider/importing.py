"""`python -m provider import PATH --mailbox NAME`: all mail of a file or folder, once."""

import argparse
import dataclasses
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from postroom import wire
from postroom.credentials import Credentials
from postroom.daemon import Daemon, Exit
from postroom.errors import SettingsError
from postroom.progress import Progress, progress
from postroom.settings import Options

from . import shared, sources
from .actions import Action
from .loop import Mailbox

FORMATS = ("mbox", "maildir", "eml")
TICK = 0.2


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the import takes besides what all take."""
    parser.add_argument("path", type=Path, metavar="PATH", help="mbox, Maildir or folder of .eml")
    parser.add_argument("--mailbox", required=True, metavar="NAME", help="where it goes to")
    parser.add_argument("--format", choices=FORMATS, help="instead of what it looks like")


def main(run: Daemon) -> int:
    """Bring what is not there yet; a second run goes on where the first one ended."""
    name, path = run.args.mailbox, run.args.path.expanduser().absolute()
    if name in run.config.named("mailbox"):
        raise SettingsError(f"{name} is a mailbox of {run.config.shown}: choose another name")
    if "/" in name or not 0 < len(name) <= 255:
        raise SettingsError("--mailbox: expected 1 to 255 characters without /")
    source = _source(path, run.args.format or detected(path), name)
    told: Counter[str] = Counter()

    def heard(reply: wire.ItemReply) -> None:
        told[reply.status] += 1

    with shared.opened(run.config, run.stop) as common, progress(f"Import {path.name}") as shown:
        mailbox = Mailbox(name, source, dataclasses.replace(common, heard=heard), once=True)
        thread = threading.Thread(target=mailbox.run, name=name, daemon=True)
        thread.start()
        _show(thread, shown, source, told, run.stop)
    return _summary(mailbox, told)


def detected(path: Path) -> str:
    """The format, by what is there."""
    if path.is_file():
        return "mbox"
    if not path.is_dir():
        raise SettingsError(f"{path}: there is no such file or folder")
    return "maildir" if (path / "cur").is_dir() and (path / "new").is_dir() else "eml"


def _source(path: Path, format_: str, mailbox: str) -> sources.Source:
    kind = sources.load(format_)
    options = {"path": str(path), **({"folders": ("*",)} if format_ == "maildir" else {})}
    return _Imported(kind(kind.Options(**options), Credentials(), Path), path, mailbox)


class _Imported:
    """A source under the mailbox's name, so that many paths can be brought into one mailbox."""

    Options: ClassVar[type[Any]] = Options
    kind = "import"

    def __init__(self, source: sources.Source, path: Path, mailbox: str) -> None:
        self._source = source
        self._path = path.resolve()
        self.fingerprint = f"import:{mailbox}"
        self.title = source.title
        #: Mails that were listed in the folders so far.
        self.listed = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def open(self, name: str) -> sources.Folder:
        """The folder under the path it has: equal file names elsewhere are other mails."""
        folder = self._source.open(name)
        windows = list(folder.windows())
        self.listed += sum(len(window.listed()) for window in windows)
        folder.name = f"{self._path}" if name == "INBOX" else f"{self._path}/{name}"
        return folder


def _show(
    thread: threading.Thread, shown: Progress, source: Any, told: Counter[str], stop: Any
) -> None:
    while thread.is_alive() and not stop.is_set():
        thread.join(TICK)
        shown.told(told.total(), max(source.listed, told.total()), _words(told))
    # What is under way is answered.
    thread.join(TICK * 20)


def _words(told: Counter[str]) -> str:
    return ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in told.items())


def _summary(mailbox: Mailbox, told: Counter[str]) -> int:
    receipts = mailbox.receipts.values()
    counts = {
        name: sum(getattr(receipt, name) for receipt in receipts)
        for name in ("listed", "stored", "quarantined", "refused", "too_big", "missing")
    }
    new = told["stored"]
    counts["duplicate"], counts["stored"] = counts["stored"] - new, new
    order = ("listed", "stored", "duplicate", "quarantined", "refused", "too_big", "missing")
    line = ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in order)
    whole = mailbox.complete and not counts["refused"] + counts["too_big"]
    sys.stdout.write(f"{mailbox.name}: {line}\n")
    if not whole:
        why = mailbox.problem or "run it again to go on"
        sys.stdout.write(f"not complete: {why}\n")
    return Exit.OK if whole else Exit.FAILED


ACTION = Action("import", main, arguments)
