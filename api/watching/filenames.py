"""What people see of a file: a plain name that no other file has."""

from collections import Counter
from collections.abc import Collection, Sequence
from urllib.parse import unquote, urlsplit

from ..deliveries import clean
from ..models import database

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
    counts = Counter(names)
    taken = _taken(counts)
    contested = [name for name, count in counts.items() if count > 1 or name in taken]
    numbers = _first_free(contested)
    probed = {_at(name, numbers[name] + n) for name in contested for n in range(counts[name])}
    taken |= _taken(probed)
    chosen = []
    for name in names:
        each = name
        while each in taken:
            if name not in numbers:
                # Another of these took it by its number.
                numbers |= _first_free([name])
            each = _at(name, numbers[name])
            numbers[name] += 1
            if each not in probed:
                taken |= _taken([each])
        taken.add(each)
        chosen.append(each)
    return chosen


def _first_free(names: Collection[str]) -> dict[str, int]:
    """For each name a number that is free, and the one before is not: by doubling and halving.

    All names go in step, so that thousands of files of one name cost a few looks.
    """
    held, free = dict.fromkeys(names, 1), {}
    rising = dict.fromkeys(names, 2)
    while rising:
        taken = _taken([_at(*each) for each in rising.items()])
        for name, number in list(rising.items()):
            if _at(name, number) in taken:
                held[name], rising[name] = number, number * 2
            else:
                free[name] = rising.pop(name)
    while middles := {n: (held[n] + free[n]) // 2 for n in names if free[n] - held[n] > 1}:
        taken = _taken([_at(*each) for each in middles.items()])
        for name, number in middles.items():
            (held if _at(name, number) in taken else free)[name] = number
    return free


def _at(name: str, number: int) -> str:
    stem, dot = _split(name)
    return f"{stem} ({number}){dot}"


def _taken(names: Collection[str]) -> set[str]:
    wanted = list(names)
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
