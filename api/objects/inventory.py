"""All objects that rows name, as a copy of them needs to know: key, hash, size."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
import peewee

from ..models import File, Run
from .kept import FILES, MAILS

_PIECE = 500
#: In which of the two stores an object is.
Store = Literal["mails", "files"]


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One object."""

    store: Store
    key: str
    sha256: str
    size: int
    #: Media type, where one is known.
    type: str = ""


def all_named() -> Iterator[Item]:
    """Each object once: raw mails, files of pages, what runs made."""
    for pieces in (_mails(), _files(), _runs()):
        for piece in pieces:
            yield from piece


def _mails() -> Iterator[Sequence[Item]]:
    last = ""
    while rows := MAILS.relied_on(last, _PIECE):
        yield [Item("mails", key, key, size) for key, size in rows]
        last = rows[-1][0]


def _files() -> Iterator[Sequence[Item]]:
    last = FILES.begin
    has_key = peewee.SQL("key <> ''")
    while rows := list(
        File.select(File.key, File.version, File.size, peewee.fn.MAX(File.type))
        .where(has_key, File.state == "stored", File.key > last)
        .group_by(File.key, File.version, File.size)
        .order_by(File.key)
        .limit(_PIECE)
        .tuples()
    ):
        yield [Item("files", *row) for row in rows]
        last = rows[-1][0]


def _runs() -> Iterator[Sequence[Item]]:
    last = 0
    columns = (Run.id, Run.output_key, Run.output_size, Run.output_sha256, Run.artefacts)
    while rows := list(
        Run.select(*columns).where(Run.id > last).order_by(Run.id).limit(_PIECE).tuples()
    ):
        yield [item for row in rows for item in _of_run(*row[1:])]
        last = rows[-1][0]


def _of_run(key: str, size: int, sha256: str, artefacts: list[dict[str, Any]]) -> list[Item]:
    output = [Item("files", key, sha256, size)] if key else []
    return output + [
        Item("files", each["key"], each["sha256"], each["size"], each.get("type", ""))
        for each in artefacts
    ]
