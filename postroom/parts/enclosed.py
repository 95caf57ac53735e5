"""Files that are no MIME parts: uuencoded amid text, or in a TNEF capsule (winmail.dat)."""

import logging
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from mimetypes import MimeTypes
from typing import Any, NamedTuple

from postroom.errors import ObjectMissingError
from postroom.memory import joined
from postroom.parts.node import Measures, Node, has_mark, measured
from postroom.parts.pieces import Span, uuencoded_lines

#: Files of one part that are read.
MAX_ENCLOSED = 500
#: A larger content is not opened where that needs another copy of it: encoded text, a capsule.
MAX_OPENED = 50 << 20

_TNEF_TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_UU_MARK = re.compile(rb"^(?:begin [0-7]{3,4} ([^\r\n]+)|end[ \t]*)(?:\r?\n|\Z)", re.MULTILINE)
# Only the built-in table: the answer must not depend on the machine.
_TYPES = MimeTypes(filenames=())

log = logging.getLogger(__name__)


class Enclosed(NamedTuple):
    """A file found within a part; its path is the part's, "/" and its number from 1."""

    #: A byte a character (Latin-1), or text where the capsule tells it as text.
    name: str
    #: Gives the content in pieces; what is wrong with it goes into the set.
    read: Callable[[set[str]], Iterator[bytes]]

    @property
    def type(self) -> str:
        """The media type by the name's ending."""
        return _TYPES.guess_type(f"x/{self.name}")[0] or "application/octet-stream"

    def measure(self, defects: set[str]) -> Measures:
        """Return what can be told of the content without keeping it."""
        return measured(self.read(defects))


def enclosed(node: Node, defects: set[str], *, marked: bool = True) -> list[Enclosed]:
    """Return the files that the part encloses, in order; `marked` as it was measured."""
    if is_plain(node):
        text = opened(node, defects) if marked else None
        found = uuencoded(text, defects) if text else ()
        return [file for _, file in found]
    if node.type in _TNEF_TYPES:
        return _tnef_files(node, defects)
    return []


def is_plain(node: Node) -> bool:
    """Tell whether the part is text as it stands, or may be."""
    return node.type == "text/plain" or not node.names


def opened(node: Node, defects: set[str]) -> Span | None:
    """Return a part's content to search in; None when another copy of it would be too large."""
    if not node.encoding:
        return node.span
    if node.span.size > MAX_OPENED:
        defects.add("too_large")
        return None
    content = node.content(defects)
    return Span(content, 0, len(content))


def enclosed_bytes(node: Node, number: str) -> bytes:
    """Return one enclosed file. Raises ObjectMissingError when there is none of that number."""
    defects: set[str] = set()
    files = enclosed(node, defects)
    if number.isascii() and number.isdigit() and 0 < int(number[:9]) <= len(files):
        return joined(files[int(number) - 1].read(defects))
    raise ObjectMissingError(f"the part {node.path!r} encloses no file {number!r}")


def without_files(text: Span, most: int) -> bytes:
    """Return the text without its uuencoded files, as long as what stands in no more than `most`.

    A little more is returned where a file follows.
    """
    kept: list[bytes] = []
    at, size = text.start, 0
    for place, _ in uuencoded(text, set()):
        kept.append(text.source[at : min(place.start, at + most)])
        at, size = place.end, size + len(kept[-1])
        if size >= most:
            break
    else:
        kept.append(text.source[at : min(text.end, at + most)])
    return kept[0] if len(kept) == 1 else b"".join(kept)


def uuencoded(text: Span, defects: set[str]) -> Iterator[tuple[Span, Enclosed]]:
    """Yield the files that stand uuencoded in a text, and where."""
    found = 0
    for begin, end in _uu_pairs(text):
        lines = Span(text.source, begin.end(), end.start())
        if not all(map(_is_uu, lines.lines())):
            continue
        if found == MAX_ENCLOSED:
            defects.add("too_many_parts")
            return
        found += 1
        # With the "end": without it the file would not be whole.
        whole = Span(text.source, begin.end(), end.end())
        name = begin[1].decode("latin-1").strip()
        yield Span(text.source, begin.start(), end.end()), Enclosed(name, _uu_reader(whole))


def _uu_reader(lines: Span) -> Callable[[set[str]], Iterator[bytes]]:
    return lambda defects: uuencoded_lines(lines, defects)


def _uu_pairs(text: Span) -> Iterator[tuple[re.Match[bytes], re.Match[bytes]]]:
    """Yield each "begin" line that an "end" line follows before the next "begin"."""
    begin: re.Match[bytes] | None = None
    if not has_mark(text):
        return
    for mark in _UU_MARK.finditer(*text):
        if mark[1]:
            begin = mark
        elif begin:
            yield begin, mark
            begin = None


def _is_uu(line: bytes) -> bool:
    """Tell whether a line is as long as its first character says, give or take stripped spaces."""
    if not line:
        return True
    letters = -(-((line[0] - 32) & 63) // 3) * 4
    return 32 <= line[0] <= 96 and len(line) - 3 <= letters <= len(line) + 8


def _tnef_files(node: Node, defects: set[str]) -> list[Enclosed]:
    try:
        library: Any = import_module("tnefparse")
    except ModuleNotFoundError:
        defects.add("tnef_not_read")  # the optional library is not installed
        return []
    if node.span.size > MAX_OPENED:
        # Its reader builds everything in memory at once.
        defects.add("too_large")
        return []
    try:
        capsule = library.TNEF(node.content(defects))
        files = [_tnef_file(one) for one in islice(capsule.attachments, MAX_ENCLOSED)]
    except Exception:  # the library raises whatever broken bytes lead it to
        log.debug("a TNEF capsule could not be read", exc_info=True)
        defects.add("bad_tnef")
        return []
    return files


def _tnef_file(one: Any) -> Enclosed:
    name = one.long_filename() or one.name or ""
    text = name.decode("latin-1") if isinstance(name, bytes) else str(name)
    data = bytes(one.data or b"")
    return Enclosed(text.strip("\0 "), lambda _: iter([data]))
