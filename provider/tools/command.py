"""What the commands have in common: arguments, settings, one source, the API."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from postroom import credentials, logs, settings
from postroom.archive import Archive
from postroom.daemon import Daemon, Exit
from postroom.errors import PostroomError
from postroom.settings import Config

from .. import mailboxes
from ..actions import Action
from ..sources import Source

API_SECONDS = 60.0


class StoppedError(PostroomError):
    """Somebody asked for an end."""


@dataclass(frozen=True, slots=True)
class Command:
    """One call of a command."""

    run: Daemon
    source: Source

    @property
    def args(self) -> Any:
        """What the command line says."""
        return self.run.args

    @property
    def name(self) -> str:
        """The mailbox."""
        name: str = self.run.args.name
        return name

    def folders(self) -> list[str]:
        """The folders that are meant; the source must be connected."""
        chosen: list[str] = self.args.folder
        return chosen or self.source.folders()

    def go_on(self) -> None:
        """Raise StoppedError once somebody has asked for an end."""
        if self.run.stop.is_set():
            raise StoppedError("stopped before the end")

    @contextmanager
    def archive(self) -> Iterator[Archive]:
        """The API."""
        with closing(open_archive(self.run.config)) as archive:
            yield archive


Work = Callable[[Command], int]
Arguments = Callable[[argparse.ArgumentParser], None]


def number(text: str) -> int:
    """A number of something, as an argument."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number")
    return int(text)


def open_archive(config: Config) -> Archive:
    """The API that the settings name, with the token that is known here."""
    url = config.section("api", settings.Api).base_url
    return Archive(url, credentials.admin_token(config), timeout=API_SECONDS)


def action(word: str, work: Work, own: Arguments) -> Action:
    """A command that does `work` on one mailbox; `own` are the arguments that only it takes."""

    def main(run: Daemon) -> int:
        # The answer is the output: the log stays quiet unless something is wrong.
        logs.configure(run.args.log_level or ("error" if run.args.quiet else "warning"), None)
        (source,) = mailboxes.named(run.config, [run.args.name]).values()
        try:
            with closing(source):
                status = work(Command(run, source))
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read has read enough; Python would complain once more at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return Exit.FAILED
        return status

    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="the mailbox, as in [mailbox NAME]")
        parser.add_argument(
            "--folder", action="append", default=[], metavar="FOLDER",
            help="this folder alone; may be repeated (default: those of the settings)",
        )  # fmt: skip
        parser.add_argument(
            "--quiet", action="store_true", help="no table, no progress: the exit status tells"
        )
        own(parser)

    return Action(word, main, arguments)
