"""python -m provider delete NAME: delete from the server what is proven to be stored."""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from postroom.daemon import Exit
from postroom.errors import PostroomError, RefusedError
from postroom.wire import Key

from . import show
from .command import Command, action, number
from .deleting import Choice, Filters, SafeDelete, choices

_ADMIN_NEEDED = (
    "deletions need the admin token of the API: name its file in POSTROOM_ADMIN_TOKEN_FILE"
)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


class Chosen(msgspec.Struct, frozen=True):
    """A mail that may be deleted."""

    folder: str
    key: Key
    size: int
    #: Its id in the API.
    mail: int
    message_id: str


class Report(msgspec.Struct):
    """What was chosen, and what became of it."""

    mailbox: str
    chosen: list[Chosen]
    #: How many mails of the folders were not chosen, by reason.
    left: Counter[str]
    dry_run: bool = True
    deleted: int = 0
    #: Intentions of earlier runs, by what became of them.
    settled: Counter[str] = msgspec.field(default_factory=Counter)
    problem: str = ""


#: Before that no mail came, and no calendar goes back much further.
MOST_DAYS = 700_000


def _arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--older-than", type=number, metavar="DAYS", help="mails that came before so many days")
    add("--larger-than", type=_bytes, metavar="SIZE", help="mails over that size: 500k, 10M")
    add("--yes", action="store_true", help="delete them (default: only say which)")


def _bytes(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,15})([kmg]?)b?", text.lower())
    if not found:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a size like 500k or 10M")
    return int(found[1]) * _UNITS[found[2]]


def work(command: Command) -> int:
    """Choose, show, ask, delete."""
    source, args = command.source, command.args
    source.connect()
    with command.archive() as archive:
        safe = SafeDelete(command.name, source, archive)
        days = args.older_than
        filters = Filters(
            None if days is None else timedelta(days=min(days, MOST_DAYS)), args.larger_than
        )
        chosen: dict[str, Choice] = {}
        with show.shown_progress(f"{command.name}: headers", quiet=_is_terse(command)) as shown:
            for choice in choices(source, archive, command.name, command.folders(), filters):
                command.go_on()
                chosen[choice.folder] = choice
                shown.told(len(choice.stored), len(choice.stored), choice.folder)
        report = _report(command.name, list(chosen.values()))
        _show(command, report)
        # Even where nothing is chosen there may be something to settle.
        if args.yes or (report.chosen and _asked(command, report)):
            _carry_out(command, safe, list(chosen.values()), report)
    return _end(command, report)


def _is_terse(command: Command) -> bool:
    return bool(command.args.quiet or command.args.json)


def _report(mailbox: str, chosen: Sequence[Choice]) -> Report:
    mails = [
        Chosen(c.folder, place.key, c.sizes[place.key], place.mail or 0, place.message_id)
        for c in chosen
        for place in c.stored
    ]
    return Report(mailbox, mails, sum((c.left for c in chosen), Counter()))


def _show(command: Command, report: Report) -> None:
    if _is_terse(command):
        return
    rows = [msgspec.structs.astuple(mail) for mail in report.chosen]
    show.table(["folder", "key", "size", "mail", "message-id"], rows)
    size = sum(mail.size for mail in report.chosen)
    left = [f"{count:,} {reason}" for reason, count in sorted(report.left.items())]
    told = f"{len(report.chosen):,} mails, {size:,} bytes, chosen at {command.source.title}"
    show.say(f"{report.mailbox}: {'; left: '.join([told, *([', '.join(left)] if left else [])])}")


def _asked(command: Command, report: Report) -> bool:
    if _is_terse(command) or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    sys.stdout.write(f"Delete these {len(report.chosen):,} mails there? Type yes: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() == "yes"


def _carry_out(
    command: Command, safe: SafeDelete, chosen: Sequence[Choice], report: Report
) -> None:
    report.dry_run = False
    total = len(report.chosen)
    try:
        report.settled = safe.settle()
        with show.shown_progress(f"{command.name}: delete", quiet=_is_terse(command)) as shown:
            for choice in chosen:
                safe.carry_out(choice, command.go_on)
                shown.told(len(safe.deleted), total, choice.folder)
    except PostroomError as e:
        report.problem = str(e)
        if isinstance(e, RefusedError) and e.code in ("unauthorized", "forbidden"):
            report.problem += f": {_ADMIN_NEEDED}"
    report.deleted = len(safe.deleted)


def _end(command: Command, report: Report) -> int:
    if command.args.json:
        show.json(report)
    elif not command.args.quiet:
        if report.dry_run:
            show.say("nothing was deleted: --yes deletes" if report.chosen else "nothing to delete")
        else:
            show.say(f"{report.mailbox}: {report.deleted:,} of {len(report.chosen):,} deleted")
    if report.problem:
        show.complain(report.problem)
    return Exit.FAILED if report.problem else Exit.OK


ACTION = action("delete", work, _arguments)
