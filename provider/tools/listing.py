"""python -m provider list NAME: what is in a mailbox, by headers alone."""

import argparse
from collections.abc import Iterator, Sequence
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec

from postroom.daemon import Exit
from postroom.parts.fields import read_head
from postroom.wire import Key

from ..sources import Folder, Head
from . import show
from .command import Command, action, number

LIMIT = 25
#: Mails whose headers are asked for at once: often enough for a bar that moves.
PORTION = 50
WIDTH = 60
T = TypeVar("T")


class Listed(msgspec.Struct, frozen=True):
    """One mail of a listing."""

    folder: str
    #: Its place in the folder, the oldest is 1: what --from takes.
    number: int
    #: What fetch takes.
    key: Key
    size: int | None
    date: str
    sender: str
    subject: str


class Part(NamedTuple):
    """Some mails of a folder, and the number of the first one."""

    first: int
    keys: list[Key]


def _arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--limit", type=number, default=LIMIT, metavar="N", help="the newest N; 0 for all")
    add(
        "--from", type=number, default=1, dest="begin", metavar="N",
        help="from the N-th mail of the folder on, the oldest is 1",
    )  # fmt: skip


def work(command: Command) -> int:
    """Connect, read headers, print."""
    args = command.args
    command.source.connect()
    mails: list[Listed] = []
    for name in command.folders():
        folder = command.source.open(name)
        mails += _listed(command, folder, part(folder.keys(), args.begin, args.limit))
    if args.json:
        show.json(mails)
    elif args.quiet:
        show.table(["key"], [[mail.key] for mail in mails])
    else:
        columns = ["folder", "number", "key", "size", "date", "from", "subject"]
        show.table(columns, [msgspec.structs.astuple(mail) for mail in mails])
    return Exit.OK


def part(keys: list[Key], begin: int, limit: int) -> Part:
    """From the begin-th on, and of those the newest."""
    first = max(begin, len(keys) - limit + 1 if limit else 1, 1)
    return Part(first, keys[first - 1 :])


def _listed(command: Command, folder: Folder, chosen: Part) -> list[Listed]:
    quiet = command.args.quiet or command.args.json
    with show.shown_progress(f"{folder.name}: headers", quiet=quiet) as shown:
        found: dict[Key, Head] = {}
        for keys in portions(chosen.keys):
            command.go_on()
            found |= folder.heads(keys)
            shown.told(len(found), len(chosen.keys), "")
    numbered = enumerate(chosen.keys, chosen.first)
    return [_mail(folder.name, n, key, found[key]) for n, key in numbered if key in found]


def portions(things: Sequence[T]) -> Iterator[list[T]]:
    """As many as are asked for at once."""
    rest = iter(things)
    while portion := list(islice(rest, PORTION)):
        yield portion


def _mail(folder: str, position: int, key: Key, head: Head) -> Listed:
    block = head.block or b""
    fields: dict[str, str] = {}
    for name, value in read_head(block, 0, len(block), set()).fields:
        fields.setdefault(name.lower(), value)
    told = [readable(fields.get(name, "")) for name in ("date", "from", "subject")]
    return Listed(folder, position, key, head.size, *(text[:WIDTH] for text in told))


def readable(value: str) -> str:
    """A field's value for people; what cannot be decoded is shown as it is."""
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


ACTION = action("list", work, _arguments)
