"""python -m provider check NAME: whether what the server has is what is stored."""

import argparse
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import msgspec

from postroom.archive import Archive, Stored
from postroom.daemon import Exit
from postroom.errors import RefusedError
from postroom.headers import header_block, header_sha256
from postroom.progress import Progress
from postroom.wire import Key

from ..sources import Folder, Head
from . import show
from .command import Command, action
from .compare import compare
from .listing import portions
from .proofs import stored_head


class Difference(msgspec.Struct, frozen=True):
    """A mail that is not on both sides as it was."""

    kind: Literal["new", "gone", "moved", "changed", "untold"]
    folder: str
    key: Key
    detail: str = ""


class Report(msgspec.Struct):
    """What a comparison came to."""

    mailbox: str
    #: How many matched, by what proved it.
    same: Counter[str] = msgspec.field(default_factory=Counter)
    differences: list[Difference] = []

    def add(self, kind: str, folder: str, key: Key, detail: str = "") -> None:
        """One more difference."""
        found = {"kind": kind, "folder": folder, "key": key, "detail": detail}
        self.differences.append(msgspec.convert(found, Difference))


def _arguments(_parser: argparse.ArgumentParser) -> None:
    """Those of all commands are enough."""


def work(command: Command) -> int:
    """Compare folder by folder, then look where the missing ones went."""
    args = command.args
    command.source.connect()
    with command.archive() as archive:
        title = f"{command.name}: compared"
        with show.shown_progress(title, quiet=args.quiet or args.json) as shown:
            report = Check(command, archive, shown).report()
    if args.json:
        show.json(report)
    elif not args.quiet:
        _tell(report)
    return Exit.FAILED if report.differences else Exit.OK


def _tell(report: Report) -> None:
    rows = [msgspec.structs.astuple(difference) for difference in report.differences]
    show.table(["", "folder", "key", ""], rows)
    counts = Counter(difference.kind for difference in report.differences)
    told = [f"{count:,} {kind}" for kind, count in sorted(counts.items())]
    show.say(f"{report.mailbox}: " + ", ".join([f"{report.same.total():,} the same", *told]))


class Check:
    """One comparison of a mailbox."""

    def __init__(self, command: Command, archive: Archive, shown: Progress) -> None:
        self._command = command
        self._archive = archive
        self._shown = shown
        self._report = Report(command.name)
        self._gone: list[Stored] = []
        #: Mails that are listed: where they stand, by content and by header block and size.
        self._where: dict[str, str] = {}
        self._new: dict[tuple[str, int | None], list[tuple[str, Key]]] = {}

    def report(self) -> Report:
        """Compare all folders."""
        for name in self._command.folders():
            self._folder(self._command.source.open(name))
        self._settle_gone()
        for places in self._new.values():
            for folder, key in places:
                self._report.add("new", folder, key)
        return self._report

    def _folder(self, folder: Folder) -> None:
        keys = folder.keys()
        listed = set(keys)
        stored = {place.key: place for place in self._places(folder) if place.mail is not None}
        for place in stored.values():
            is_let_go = place.deleted_at_source or place.state == "purged"
            if place.key not in listed and not is_let_go:
                self._gone.append(place)
        done = 0
        for some in portions(keys):
            self._command.go_on()
            heads = folder.heads(some)
            for key in some:
                self._mail(folder.name, key, heads.get(key), stored.get(key))
            done += len(some)
            self._shown.told(done, len(keys), folder.name)

    def _places(self, folder: Folder) -> Iterator[Stored]:
        """In rising versions, so that the last one of a key counts."""
        try:
            yield from self._archive.places(self._command.name, folder.name, folder.uidvalidity)
        except RefusedError as e:
            # Nothing was ever stored of it.
            if e.code != "not_found":
                raise

    def _mail(self, folder: str, key: Key, head: Head | None, stored: Stored | None) -> None:
        block = head.block if head else None
        if head is None or block is None:
            self._report.add("untold", folder, key, "the server gives no headers: not compared")
        elif stored is None:
            known = header_sha256(header_block(block)), head.size
            self._new.setdefault(known, []).append((folder, key))
            return
        elif header_sha256(header_block(block)) == stored.header_sha256:
            self._report.same["same_headers"] += 1
        elif stored.state == "purged":
            # There is no more of it than that hash.
            self._report.same["purged"] += 1
        else:
            verdict = compare(block, stored_head(self._archive, stored))
            if verdict.same:
                self._report.same[verdict.proof] += 1
            else:
                self._report.add("changed", folder, key, verdict.proof)
                return
        if stored is not None:
            self._where[stored.sha256] = folder

    def _settle_gone(self) -> None:
        """What stands elsewhere was moved; the rest has gone."""
        for place in self._gone:
            arrived = self._new.get((place.header_sha256, place.server_size), [])
            if place.sha256 in self._where:
                detail = f"it stands in {self._where[place.sha256]} as well"
                self._report.add("moved", place.folder, place.key, detail)
            elif arrived:
                folder, key = arrived.pop(0)
                self._report.add("moved", place.folder, place.key, f"to {folder}, as {key}")
            else:
                self._report.add("gone", place.folder, place.key, f"kept as mail {place.mail}")


ACTION = action("check", work, _arguments)
