"""Which file holds which key, and the folder read back as a sorted listing."""

import heapq
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from . import BadKeyError, Entry
from .keys import HASHES, RESERVED, check_key, is_hash


def path_below(root: Path, key: str) -> Path:
    """The file of a key that passed check_key; hashes are spread over 65,536 folders."""
    return root / HASHES / key[:2] / key[2:4] / key if is_hash(key) else root / key


def listed(root: Path, after: str) -> Iterator[Entry]:
    """All objects above `after`, sorted by key; holds the names of one folder per level."""
    return heapq.merge(_hashed(root / HASHES, after), _plain(root, "", after))


def temporaries(root: Path) -> Iterator[Path]:
    """All files that are or were on their way in."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(RESERVED) and name.endswith(".tmp"):
                yield Path(folder, name)


def _hashed(folder: Path, after: str) -> Iterator[Entry]:
    for first in _sorted(folder):
        for second in _sorted(folder / first.name):
            shard = first.name + second.name
            if shard < after[:4]:
                continue
            for item in _sorted(folder / first.name / second.name):
                if is_hash(item.name) and item.name.startswith(shard) and item.name > after:
                    yield from _entry(item.name, item)


def _plain(folder: Path, prefix: str, after: str) -> Iterator[Entry]:
    for item in _sorted(folder):
        key = prefix + item.name
        if item.name.startswith(RESERVED) or key == HASHES:
            continue
        if item.is_dir(follow_symlinks=False):
            inside = key + "/"
            if inside >= after[: len(inside)]:
                yield from _plain(folder / item.name, inside, after)
        elif key > after and _is_key(key):
            yield from _entry(key, item)


def _sorted(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            # A folder's keys go on with "/", so that is how it sorts among its neighbours.
            return sorted(items, key=lambda item: item.name + "/" * item.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _entry(key: str, item: os.DirEntry[str]) -> Iterator[Entry]:
    with suppress(FileNotFoundError):
        found = item.stat(follow_symlinks=False)
        if stat.S_ISREG(found.st_mode):
            yield Entry(key, found.st_size, found.st_mtime)


def _is_key(key: str) -> bool:
    # People put files here too, some with names that no key can have.
    try:
        check_key(key)
    except BadKeyError:
        return False
    # A hash lies in its shard, nowhere else.
    return not is_hash(key)
