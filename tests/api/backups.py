"""An API with something of each kind, and backups of it."""

from hashlib import sha256
from typing import Any

from api.backups import backup
from api.backups.backupfolder import BackupFolder, Moment
from api.models import database
from postroom.settings import Config
from postroom.storage import Storage
from tests.api.caller import Caller, mail_bytes
from tests.api.scripter import Scripter
from tests.api.watcher import Watcher

LARGE = 3 * 1024 * 1024


def make(api: Caller, folder: BackupFolder) -> Moment:
    database.initialize(api.db)
    return backup.make(api.db, of(api), Config(), folder)


def of(api: Caller) -> dict[Any, Storage]:
    return {"mails": api.storage, "files": api.files}


def fill(api: Caller, mails: int = 30) -> None:
    """Mails, files and a run, small and large."""
    api.hello()
    api.push(*range(1, mails + 1))
    raw = mail_bytes(31, "x" * LARGE)
    api.deliver(api.delivery(31, raw), keep={sha256(raw).hexdigest(): raw})
    watcher = Watcher(api)
    watcher.links("a.pdf", "b.pdf")
    watcher.tell(watcher.stored("a.pdf", "one"), watcher.stored("b.pdf", "y" * LARGE))
    scripter = Scripter(api)
    scripter.script()
    scripter.done(output="12 EUR")


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
