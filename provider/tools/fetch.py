"""python -m provider fetch NAME KEY: one mail byte for byte, left as it is on the server."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from postroom.daemon import Exit
from postroom.errors import SettingsError, SourceError
from postroom.storage.durable import translated

from ..sources import Folder
from . import show
from .command import Command, action

PIECE = 1024 * 1024


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="the mail, as list names it")
    parser.add_argument("--output", type=Path, metavar="FILE", help="a new file instead of stdout")


def work(command: Command) -> int:
    """Find the mail, and hand on its pieces as they come."""
    args = command.args
    if args.json and not args.output:
        raise SettingsError("--json tells of the file that --output names: give both or none")
    command.source.connect()
    for name in command.folders():
        folder = command.source.open(name)
        if pieces := _pieces(folder, args.key):
            size = _write(pieces, args.output)
            if args.json:
                show.json({"folder": name, "key": args.key, "size": size, "file": str(args.output)})
            return Exit.OK
    raise SourceError(f"{command.name}: no folder has a mail {args.key!r}: list shows the keys")


def _pieces(folder: Folder, text: str) -> Iterator[bytes] | None:
    """The mail's pieces; None when the folder does not have it."""
    for key in folder.keys():  # noqa: SIM118 - no dictionary
        if str(key) == text:
            return folder.stream(key, PIECE)
    return None


def _write(pieces: Iterator[bytes], output: Path | None) -> int:
    if output is None:
        size = sum(sys.stdout.buffer.write(piece) for piece in pieces)
        sys.stdout.buffer.flush()
    else:
        with translated(output):
            # A mail is nobody else's to read.
            fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(fd, "wb") as file:
                size = sum(file.write(piece) for piece in pieces)
    if not size:
        raise SourceError("the server lists it, gives nothing")
    return size


ACTION = action("fetch", work, _arguments)
