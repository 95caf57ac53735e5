"""What people see of a file: a plain name that no other file has."""

from collections.abc import Collection, Iterator, Sequence
from itertools import count
from urllib.parse import unquote, urlsplit

from .deliveries import clean
from .models import database

#: The seed's column takes 255 characters.
LONGEST = 255
#: Of those, what a suffix may take.
_SUFFIX = 12
_CHUNK = 500


def plain_name(name: str) -> str:
    """A name without paths and without what does not print; "file" where nothing is left."""
    shown = "".join(c if c.isprintable() and c not in "/\\" else " " for c in clean(name, 2_000))
    stem, dot = _split(" ".join(shown.split()).strip(". "))
    return f"{stem[: LONGEST - _SUFFIX - len(dot)]}{dot}" or "file"


def name_of(url: str) -> str:
    """The name that a URL gives a file, until its server gives another."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return plain_name(url)
    last = parts.path.rstrip("/").rpartition("/")[2]
    return plain_name(unquote(last) or parts.netloc)


def is_named(filename: str, name: str) -> bool:
    """Whether a file has this name already, be it with a number."""
    stem, dot = _split(name)
    if filename == name:
        return True
    begin, end = f"{stem} (", f"){dot}"
    number = filename[len(begin) : len(filename) - len(end)]
    return filename == f"{begin}{number}{end}" and number.isascii() and number.isdigit()


def unique(names: Sequence[str]) -> list[str]:
    """These names with a number where they are taken, in order.

    Call it inside the write transaction that takes them.
    """
    taken = _taken(names)
    numbers: dict[str, Iterator[str]] = {}
    found = []
    for name in names:
        chosen = name
        while chosen in taken:
            if name not in numbers:
                numbers[name] = _numbered(name)
            chosen = next(numbers[name])
        taken.add(chosen)
        found.append(chosen)
    return found


def _numbered(name: str) -> Iterator[str]:
    """Free names with rising numbers: where they begin is looked up by doubling and halving."""
    stem, dot = _split(name)

    def at(number: int) -> str:
        return f"{stem} ({number}){dot}"

    held, free = 1, 2
    while _taken([at(free)]):
        held, free = free, free * 2
    while free - held > 1:
        middle = (held + free) // 2
        if _taken([at(middle)]):
            held = middle
        else:
            free = middle
    for start in count(free, 32):
        names = [at(number) for number in range(start, start + 32)]
        taken = _taken(names)
        yield from (each for each in names if each not in taken)


def _taken(names: Collection[str]) -> set[str]:
    wanted = list(dict.fromkeys(names))
    found: set[str] = set()
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        marks = ", ".join([database.param] * len(part))
        sql = f"SELECT filename FROM files WHERE filename IN ({marks})"  # noqa: S608
        found.update(name for (name,) in database.execute_sql(sql, part))
    return found


def _split(name: str) -> tuple[str, str]:
    """Stem and extension: "a.tar.gz" is "a.tar" and ".gz", as people number such files."""
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > 10 or " " in extension:
        return name, ""
    return stem, dot + extension
