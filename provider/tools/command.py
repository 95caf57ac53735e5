"""What the commands have in common: arguments, settings, one source, exit statuses."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from postroom import credentials, logs, settings
from postroom.archive import Archive
from postroom.daemon import Exit
from postroom.errors import PostroomError, SettingsError
from postroom.settings import Config

from .. import mailboxes
from ..sources import Source

API_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Command:
    """One call of a command."""

    args: argparse.Namespace
    config: Config
    source: Source

    @property
    def name(self) -> str:
        """The mailbox."""
        name: str = self.args.name
        return name

    def folders(self) -> list[str]:
        """The folders that are meant; the source must be connected."""
        chosen: list[str] = self.args.folder
        return chosen or self.source.folders()

    @contextmanager
    def archive(self) -> Iterator[Archive]:
        """The API."""
        with closing(open_archive(self.config)) as archive:
            yield archive


Work = Callable[[Command], int]
Arguments = Callable[[argparse.ArgumentParser], None]


def open_archive(config: Config) -> Archive:
    """The API that the settings name, with the token that is known here."""
    url = config.section("api", settings.Api).base_url
    return Archive(url, credentials.admin_token(config), timeout=API_SECONDS)


def run(name: str, work: Work, argv: Sequence[str], about: str, arguments: Arguments) -> int:
    """Carry out a command; what went wrong becomes a sentence and an exit status."""
    args = _parser(name, about, arguments).parse_args(argv)
    try:
        config = settings.load(args.config)
        logs.configure("error" if args.quiet else "warning", None)
        (source,) = mailboxes.named(config, [args.name]).values()
        with closing(source):
            status = work(Command(args, config, source))
        sys.stdout.flush()
    except SettingsError as e:
        return _failed(name, e, Exit.SETTINGS)
    except PostroomError as e:
        return _failed(name, e, Exit.FAILED)
    except BrokenPipeError:
        # Whoever read has read enough; Python would complain once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except KeyboardInterrupt:
        return Exit.KILLED
    return status


def _failed(name: str, error: PostroomError, status: Exit) -> int:
    sys.stderr.write(f"provider {name}: {logs.safe(str(error))}\n")
    return status


def _parser(name: str, about: str, arguments: Arguments) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m provider {name}", description=about)
    add = parser.add_argument
    add("name", metavar="NAME", help="the mailbox, as in [mailbox NAME]")
    add("--config", type=Path, metavar="PATH", help="settings (default: config.ini)")
    add(
        "--folder", action="append", default=[], metavar="FOLDER",
        help="this folder alone; may be repeated (default: those of the settings)",
    )  # fmt: skip
    add("--json", action="store_true", help="print machine-readable output")
    add("--quiet", action="store_true", help="no table, no progress: the exit status tells")
    arguments(parser)
    return parser
