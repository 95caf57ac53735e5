"""python -m provider verify NAME: whether the mailbox can be read, and what is wrong if not."""

import argparse

import msgspec

from postroom.daemon import Exit
from postroom.errors import PostroomError

from ..sources import Deleting, Source
from . import show
from .command import Command, action
from .problems import Problem, explain


class Seen(msgspec.Struct, frozen=True):
    """A folder, and how many mails it lists."""

    folder: str
    mails: int = 0
    problem: Problem | None = None


class Report(msgspec.Struct):
    """What was found."""

    mailbox: str
    source: str
    ok: bool = False
    #: Whether `delete` could work there.
    can_delete: bool = False
    folders: list[Seen] = []
    problem: Problem | None = None


def _arguments(_parser: argparse.ArgumentParser) -> None:
    """Those of all commands are enough."""


def work(command: Command) -> int:
    """Connect, log in, list and count."""
    source = command.source
    report = Report(command.name, source.title)
    try:
        source.connect()
        names = command.folders()
    except PostroomError as e:
        report.problem = explain(e, source.title)
    else:
        report.folders = [_seen(source, name) for name in names]
        report.ok = all(seen.problem is None for seen in report.folders)
        report.can_delete = report.ok and _can_delete(source, names)
    if command.args.json:
        show.json(report)
    else:
        _tell(report, quiet=command.args.quiet)
    return Exit.OK if report.ok else Exit.FAILED


def _seen(source: Source, name: str) -> Seen:
    try:
        return Seen(name, len(source.open(name).keys()))
    except PostroomError as e:
        return Seen(name, problem=explain(e, source.title))


def _can_delete(source: Source, names: list[str]) -> bool:
    if not isinstance(source, Deleting) or not names:
        return False
    try:
        # Left without a commit: nothing is deleted.
        with source.removing(names[0]):
            return True
    except PostroomError:
        return False


def _tell(report: Report, *, quiet: bool) -> None:
    problems = [(seen.folder, seen.problem) for seen in report.folders if seen.problem]
    if report.problem:
        problems.append((report.source, report.problem))
    for where, problem in problems:
        show.complain(f"{where}: {problem.words}: {problem.remedy} ({problem.said})")
    if quiet or report.problem:
        return
    show.table(["folder", "mails"], [[s.folder, s.mails] for s in report.folders if not s.problem])
    if report.ok:
        deletes = "mails can be deleted there" if report.can_delete else "nothing can be deleted"
        show.say(f"{report.mailbox}: {report.source}: all is well; {deletes}")


ACTION = action("verify", work, _arguments)
