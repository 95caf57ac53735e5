"""`python -m api backup` and `restore`: what the command line asks, and what it is told."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from postroom import house
from postroom.daemon import Daemon, Exit
from postroom.errors import SettingsError
from postroom.storage import open_files, open_mails
from postroom.storage.durable import translated

from ..database import Database
from ..models import database
from ..objects.inventory import Store
from ..schema.migrations import STEPS, schema_version
from . import backup, restoring
from .backupfolder import BackupFolder, Counted, Manifest

MEGABYTE = 1_000_000


def add_arguments(commands: Any) -> None:
    """Add both commands."""
    making = commands.add_parser("backup", help="copy all that is kept, while it runs")
    making.add_argument("folder", type=Path, metavar="DIR", help="for this and earlier backups")
    making.add_argument(
        "--keep", type=_number, metavar="N", help="forget all backups there but the newest N"
    )
    putting = commands.add_parser("restore", help="put a backup in place")
    putting.add_argument("folder", type=Path, metavar="DIR", help="where backups are")
    putting.add_argument("--at", default="", metavar="TIME", help="this backup, not the newest")
    putting.add_argument("--verify", action="store_true", help="prove it, and change nothing")
    putting.add_argument(
        "--replace", action="store_true", help="put it in the place of what is there"
    )


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text[:9]):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number above 0")
    return int(text[:9])


def back_up(this: Daemon, db: Database) -> int:
    """Make a backup; FAILED when a store had not all that rows name."""
    database.initialize(db)
    version = schema_version()
    if not version:
        raise SettingsError(f"{db.shown} is empty: there is nothing to back up")
    if version != len(STEPS):
        raise SettingsError(
            f"{db.shown} has schema {version}, this program makes {len(STEPS)} of it: back it up "
            "with the program that wrote it, or let the API start on it first"
        )
    with translated(this.args.folder), _stores(this) as stores:
        folder = BackupFolder.made(this.args.folder)
        moment = backup.make(db, stores, this.config, folder)
        manifest = moment.manifest()
        sys.stdout.write(f"Backup {moment.name} in {folder.path}: {_told(manifest)}.\n")
        if this.args.keep:
            with folder.locked():
                deleted = folder.forget(this.args.keep)
            sys.stdout.write(f"Kept the newest {this.args.keep}; {deleted} objects went.\n")
    missing = sum(each.missing for each in manifest.objects.values())
    if missing:
        sys.stdout.write(
            f"{missing} objects are missing or damaged in the store and not in the backup: look at "
            "the log of the API, which has them fetched again.\n"
        )
    return Exit.FAILED if missing else Exit.OK


def restore(this: Daemon, db: Database, *, is_running: bool) -> int:
    """Prove a backup and put it in place."""
    args = this.args
    folder = BackupFolder.found(args.folder)
    moment = folder.moment(args.at)
    with translated(args.folder), folder.locked(), _stores(this) as stores:
        if not args.verify:
            if is_running:
                raise SettingsError("the API runs: stop it first, and the master")
            restoring.check_target(db, stores, moment.manifest(), moment, replace=args.replace)
        manifest = restoring.prove(folder, moment)
        if args.verify:
            sys.stdout.write(f"The backup {moment.name} is whole: {_told(manifest)}.\n")
            return Exit.OK
        restoring.put(db, stores, folder, moment)
    sys.stdout.write(
        f"Restored {moment.name}: {_told(manifest)}.\n"
        f"Now start the API: {house.typed('api')}. What came since is fetched again by the "
        "providers.\n"
    )
    return Exit.OK


@contextmanager
def _stores(this: Daemon) -> Iterator[dict[Store, Any]]:
    stores: dict[Store, Any] = {"mails": open_mails(this.config), "files": open_files(this.config)}
    try:
        yield stores
    finally:
        for storage in stores.values():
            storage.close()


def _told(manifest: Manifest) -> str:
    mails, files = (manifest.objects.get(name, Counted()) for name in ("mails", "files"))
    return (
        f"{sum(manifest.rows.values())} rows, {mails.count} raw mails "
        f"({mails.bytes / MEGABYTE:.1f} MB), {files.count} files and outputs "
        f"({files.bytes / MEGABYTE:.1f} MB)"
    )
