"""`python -m api purge`: let go what retention no longer keeps, or show what that is."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from postroom import house
from postroom.daemon import Daemon, Exit
from postroom.storage import open_files, open_mails

from ..database import Database
from . import purge, rules


def add_arguments(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("purge", help="delete what retention no longer keeps")
    parser.add_argument("--dry-run", action="store_true", help="show what would go, and no more")
    parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document")


def run(this: Daemon, db: Database) -> int:
    """Do what the command line says."""
    said, at = rules.read(this.config), datetime.now(UTC)
    is_dry = this.args.dry_run
    if is_dry:
        lines = purge.plan(said, at)
    else:
        stores: purge.Stores = {"mails": open_mails(this.config), "files": open_files(this.config)}
        lines = purge.Purge(db, stores, said, this.stop, at).run()
    if this.args.json or this.args.as_json:
        told = {"dry_run": is_dry, "rules": [msgspec.to_builtins(line) for line in lines]}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return Exit.OK
    sys.stdout.writelines(f"{purge.shown(line)}\n" for line in lines)
    sys.stdout.write(_end(is_dry, bool(lines)))
    return Exit.OK


def _end(is_dry: bool, is_any: bool) -> str:
    if not is_any:
        return "Nothing is over its time.\n"
    if is_dry:
        return f"Nothing was changed. To delete it: {house.typed('api')} purge\n"
    return "Deleted.\n"
