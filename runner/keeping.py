"""What a run made, into the storage of files, under runs/RUN/ATTEMPT/."""

import hashlib
import mimetypes
from collections.abc import Iterable
from pathlib import Path

from postroom import runs
from postroom.storage import BadKeyError, Storage
from postroom.storage.keys import check_key

from .job import Ended

#: Smaller ones go together, in one commit.
_SMALL = 1 << 20
_PIECE = 1 << 20


class Kept:
    """The objects of one attempt, durable once made."""

    def __init__(self, store: Storage, run: int, attempt: int, ended: Ended) -> None:
        self._store = store
        self._prefix = f"runs/{run}/{attempt}/"
        files = [*([ended.output] if ended.output else []), *ended.artefacts]
        self._keys = {path: self._key(number, path.name) for number, path in enumerate(files)}
        small = {path: path.read_bytes() for path in files if path.stat().st_size <= _SMALL}
        if small:
            store.put_many((self._keys[path], content) for path, content in small.items())
        found = {path: _hashed([content]) for path, content in small.items()}
        found |= {path: self._large(path) for path in files if path not in small}
        self.output = (
            runs.Object(
                key=self._keys[ended.output],
                size=found[ended.output][0],
                sha256=found[ended.output][1],
            )
            if ended.output
            else None
        )
        self.artefacts = [
            runs.Artefact(
                key=self._keys[path],
                name=path.name,
                type=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
                size=found[path][0],
                sha256=found[path][1],
            )
            for path in ended.artefacts
        ]

    def drop(self) -> None:
        """Nobody will ask for them."""
        if self._keys:
            self._store.delete(list(self._keys.values()))

    def _key(self, number: int, name: str) -> str:
        try:
            check_key(self._prefix + name)
        except BadKeyError:
            return f"{self._prefix}{number}"
        return self._prefix + name

    def _large(self, path: Path) -> tuple[int, str]:
        with self._store.open_write(self._keys[path], name=path.name) as to, path.open("rb") as it:

            def pieces() -> Iterable[bytes]:
                while piece := it.read(_PIECE):
                    to.write(piece)
                    yield piece

            found = _hashed(pieces())
            to.commit()
        return found


def _hashed(pieces: Iterable[bytes]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    for piece in pieces:
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()


def finished(
    claim: str, ended: Ended, kept: Kept, storage: str, log: list[runs.LastPiece]
) -> runs.FinishRun:
    """What the API is told of the end."""
    return runs.FinishRun(
        claim=claim,
        status=ended.status,
        exit_code=ended.exit_code,
        error=ended.error[:10_000],
        isolation=ended.isolation,
        output=kept.output,
        artefacts=kept.artefacts,
        log=log,
        storage=storage,
    )
