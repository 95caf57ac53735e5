"""Objects from one store into another, each proven by its SHA-256 on the way."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from postroom.errors import ObjectMissingError
from postroom.groups import grouped
from postroom.storage import Storage

from .inventory import Item

#: One batch: so many objects, and so many bytes of those that are read whole.
MOST, MOST_BYTES = 200, 16 * 1024 * 1024
#: Larger ones go in pieces.
SMALL = 1024 * 1024
#: A store may be far away: so many are read at the same time.
THREADS = 8


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items of one store after another, by bounded numbers."""
    for _, held in groupby(items, lambda item: item.store):
        yield from grouped(held, lambda item: min(item.size, SMALL), MOST, MOST_BYTES)


class Copier:
    """Reads by one key, writes by another."""

    def __init__(self, source: Storage, target: Storage, *, to_backup: bool) -> None:
        self._source, self._target, self._to_backup = source, target, to_backup

    def copy(self, items: Sequence[Item]) -> list[Item]:
        """Copy them, durable on return; those that are missing or of other bytes are returned."""
        # One content may stand under several keys.
        wanted = {self._to(item): item for item in items}
        small = [item for item in wanted.values() if item.size <= SMALL]
        with ThreadPoolExecutor(THREADS) as threads:
            bodies = dict(zip(small, threads.map(self._body, small), strict=True))
        missing = [item for item, body in bodies.items() if body is None]
        self._target.put_many(
            [(self._to(item), body) for item, body in bodies.items() if body is not None]
        )
        large = (item for item in wanted.values() if item.size > SMALL)
        return [*missing, *(item for item in large if not self._stream(item))]

    def _from(self, item: Item) -> str:
        return item.key if self._to_backup else item.sha256

    def _to(self, item: Item) -> str:
        return item.sha256 if self._to_backup else item.key

    def _body(self, item: Item) -> bytes | None:
        try:
            body = self._source.get(self._from(item))
        except ObjectMissingError:
            return None
        return body if hashlib.sha256(body).hexdigest() == item.sha256 else None

    def _stream(self, item: Item) -> bool:
        digest = hashlib.sha256()
        name = item.key.rpartition("/")[2]
        try:
            with (
                self._source.open_read(self._from(item)) as stream,
                self._target.open_write(self._to(item), type=item.type, name=name) as writer,
            ):
                while chunk := stream.read(SMALL):
                    digest.update(chunk)
                    writer.write(chunk)
                if digest.hexdigest() != item.sha256:
                    return False
                writer.commit()
        except ObjectMissingError:
            return False
        return True
