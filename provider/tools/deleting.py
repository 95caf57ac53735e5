"""The safe delete: nothing goes from a server that was not just read back from the store.

The API is told of the intention first, then the server deletes, then the API is told that it did.
Whoever dies between leaves intentions behind, which `settle` or the next pass clears up.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from postroom.archive import Archive, Deletion, Stored
from postroom.errors import PostroomError, SourceError
from postroom.wire import Key

from ..sources import Deleting, Folder, Head, Removal, Source
from ..sources.dates import arrived
from .listing import portions
from .proofs import MismatchError, prove

log = logging.getLogger(__name__)

#: Mails of one session, proven together before the first of them is deleted.
BATCH = 50


@dataclass(frozen=True, slots=True)
class Filters:
    """Which mails are meant; None: no matter."""

    older_than: timedelta | None = None
    #: Bytes.
    larger_than: int | None = None


@dataclass(slots=True)
class Choice:
    """What may be deleted in a folder, and why the rest is left."""

    folder: str
    uidvalidity: int
    stored: list[Stored] = field(default_factory=list)
    #: Sizes as the server tells, else as they are stored.
    sizes: dict[Key, int] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)


class Proven(NamedTuple):
    """What may go now, and what stands in the way of the rest."""

    mails: list[tuple[Stored, str]]
    problem: MismatchError | None


def choose(
    folder: Folder, places: Sequence[Stored], filters: Filters, today: date
) -> Iterator[Choice]:
    """The mails of a folder that are stored and that the filters mean; a state after each step."""
    choice = Choice(folder.name, folder.uidvalidity)
    # In rising versions: the last one of a key counts.
    stored = {place.key: place for place in places}
    wanted: list[Stored] = []
    for key in folder.keys():  # noqa: SIM118 - no dictionary
        place = stored.get(key)
        if place is None or place.state != "stored" or not place.has_raw:
            choice.left["not stored"] += 1
        elif not place.verified:
            choice.left["known by headers alone"] += 1
        else:
            wanted.append(place)
    for some in portions(wanted):
        _choose(choice, some, folder.heads([place.key for place in some]), filters, today)
        yield choice
    yield choice


def _choose(
    choice: Choice, places: Sequence[Stored], heads: dict[Key, Head], filters: Filters, today: date
) -> None:
    for place in places:
        head = heads.get(place.key, Head(None, None))
        size = head.size or place.size
        if filters.larger_than is not None and size <= filters.larger_than:
            choice.left["not larger"] += 1
        elif filters.older_than is not None and not _is_older(head, today - filters.older_than):
            choice.left["not older, or of unknown age"] += 1
        else:
            choice.stored.append(place)
            choice.sizes[place.key] = size


def _is_older(head: Head, day: date) -> bool:
    came = arrived(head.block or b"")
    return came is not None and came < day


def can_delete(source: Source) -> Deleting:
    """The source, if mails can be deleted there; SourceError if not."""
    if not isinstance(source, Deleting):
        raise SourceError(f"{source.title}: Postroom deletes nothing in a source of this kind")
    return source


class SafeDelete:
    """Deletes in one mailbox; the source is connected."""

    def __init__(self, mailbox: str, source: Source, archive: Archive) -> None:
        self._mailbox = mailbox
        self._source = source
        self._deleting = can_delete(source)
        self._archive = archive
        self.deleted: list[Stored] = []

    def settle(self) -> Counter[str]:
        """Find out what became of intentions that nobody has told of."""
        folders: dict[str, list[Deletion]] = defaultdict(list)
        for deletion in self._archive.intentions(self._mailbox):
            folders[deletion.folder].append(deletion)
        counts: Counter[str] = Counter()
        for name, deletions in folders.items():
            try:
                folder = self._source.open(name)
                listed = set(folder.keys())
            except SourceError as e:
                # One folder that cannot be opened holds up no other.
                log.warning(
                    "%s: %s: cannot see what became of deletions: %s", self._mailbox, name, e
                )
                continue
            states: dict[str, list[int]] = defaultdict(list)
            for one in deletions:
                states[_became(one, folder.uidvalidity, listed)].append(one.id)
            for state, ids in states.items():
                self._archive.settle(self._mailbox, ids, state, REASONS[state])
                counts[state] += len(ids)
        return counts

    def carry_out(self, choice: Choice, going: Callable[[], None]) -> None:
        """Delete what was chosen; MismatchError at the first mail that is not proven."""
        for start in range(0, len(choice.stored), BATCH):
            going()
            try:
                self._batch(choice, choice.stored[start : start + BATCH])
            except MismatchError:
                raise
            except PostroomError:
                # Nobody knows now: the server is asked, if it answers. Else the next run asks.
                with suppress(PostroomError):
                    self._source.connect()
                    self.settle()
                raise

    def _batch(self, choice: Choice, stored: Sequence[Stored]) -> None:
        with self._deleting.removing(choice.folder) as removal:
            proven = self._prove(removal, choice, stored)
            if proven.mails:
                self._delete(removal, proven.mails)
        if proven.problem:
            raise proven.problem

    def _prove(self, removal: Removal, choice: Choice, stored: Sequence[Stored]) -> Proven:
        if removal.uidvalidity != choice.uidvalidity:
            return Proven([], MismatchError(f"{choice.folder}: the server gave its UIDs anew"))
        listed = set(removal.keys())
        # What went meanwhile needs nobody's help.
        there = [place for place in stored if place.key in listed]
        heads = removal.heads([place.key for place in there])
        mails: list[tuple[Stored, str]] = []
        for place in there:
            try:
                mails.append((place, prove(removal, self._archive, place, heads.get(place.key))))
            except MismatchError as e:
                return Proven(mails, e)
        return Proven(mails, None)

    def _delete(self, removal: Removal, mails: Sequence[tuple[Stored, str]]) -> None:
        told = [(place.id, place.sha256, proof) for place, proof in mails]
        noted = self._archive.intend(self._mailbox, self._source.fingerprint, told)
        removal.delete([place.key for place, _ in mails])
        gone = removal.commit()
        done = [one for one in noted if one.key in gone]
        if done:
            self._archive.settle(self._mailbox, [one.id for one in done], "deleted")
        self.deleted += [place for place, _ in mails if place.key in gone]
        if left := [one for one in noted if one.key not in gone]:
            self._archive.settle(self._mailbox, [one.id for one in left], "kept", REASONS["kept"])
            raise SourceError(f"{left[0].folder}: the server still has {len(left)} of them")


REASONS = {
    "deleted": "",
    "kept": "the server still has it",
    "unknown": "the server has given its UIDs anew since",
}


def _became(one: Deletion, uidvalidity: int, listed: set[Key]) -> str:
    if one.uidvalidity != uidvalidity:
        return "unknown"
    return "kept" if one.key in listed else "deleted"


def choices(
    source: Source, archive: Archive, mailbox: str, folders: Sequence[str], filters: Filters
) -> Iterator[Choice]:
    """What may be deleted, folder by folder; a folder comes again with each step."""
    today = datetime.now(UTC).date()
    for name in folders:
        folder = source.open(name)
        places = list(archive.places(mailbox, name, folder.uidvalidity))
        yield from choose(folder, places, filters, today)
