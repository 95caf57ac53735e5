"""Files that are no MIME parts: uuencoded amid text, or in a TNEF capsule (winmail.dat)."""

import logging
import re
from collections.abc import Iterator
from importlib import import_module
from mimetypes import MimeTypes
from typing import Any, NamedTuple

from postroom.errors import ObjectMissingError
from postroom.parts.node import Node
from postroom.parts.transfer import decode_uu_lines

#: Files of one part that are read.
MAX_ENCLOSED = 500
#: A larger capsule is not opened: its reader builds everything in memory at once.
MAX_TNEF = 50 << 20

_TNEF_TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_UU_MARK = re.compile(rb"^(?:begin [0-7]{3,4} ([^\r\n]+)|end[ \t]*)(?:\r?\n|\Z)", re.MULTILINE)
# Only the built-in table: the answer must not depend on the machine.
_TYPES = MimeTypes(filenames=())

log = logging.getLogger(__name__)


class Enclosed(NamedTuple):
    """A file found within a part; its path is the part's, "/" and its number from 1."""

    #: A byte a character (Latin-1), or text where the capsule tells it as text.
    name: str
    content: bytes

    @property
    def type(self) -> str:
        """The media type by the name's ending."""
        return _TYPES.guess_type(f"x/{self.name}")[0] or "application/octet-stream"


def may_enclose(node: Node) -> bool:
    """Tell at little cost whether the part may have files within it."""
    if node.type == "text/plain" or not node.names:
        return bool(node.encoding) or node.source.find(b"begin ", node.start, node.end) >= 0
    return node.type in _TNEF_TYPES


def enclosed(node: Node, content: bytes, defects: set[str]) -> list[Enclosed]:
    """Return the files that the part encloses, in order."""
    if node.type == "text/plain" or not node.names:
        return uuencoded(content, defects)[1]
    if node.type in _TNEF_TYPES:
        return _tnef_files(content, defects)
    return []


def enclosed_bytes(node: Node, content: bytes, number: str) -> bytes:
    """Return one enclosed file. Raises ObjectMissingError when there is none of that number."""
    files = enclosed(node, content, set())
    if number.isascii() and number.isdigit() and 0 < int(number[:9]) <= len(files):
        return files[int(number) - 1].content
    raise ObjectMissingError(f"the part {node.path!r} encloses no file {number!r}")


def uuencoded(content: bytes, defects: set[str]) -> tuple[bytes, list[Enclosed]]:
    """Return the text without its uuencoded files, and the files."""
    if b"begin " not in content:
        return content, []
    files: list[Enclosed] = []
    text: list[bytes] = []
    at = 0
    for begin, end in _uu_pairs(content):
        lines = content[begin.end() : end.start()].splitlines()
        if not all(map(_is_uu, lines)):
            continue
        if len(files) == MAX_ENCLOSED:
            defects.add("too_many_parts")
            break
        name = begin[1].decode("latin-1").strip()
        files.append(Enclosed(name, decode_uu_lines([*lines, b"end"], defects)))
        text.append(content[at : begin.start()])
        at = end.end()
    return b"".join([*text, content[at:]]), files


def _uu_pairs(content: bytes) -> Iterator[tuple[re.Match[bytes], re.Match[bytes]]]:
    """Yield each "begin" line that an "end" line follows before the next "begin"."""
    begin: re.Match[bytes] | None = None
    for mark in _UU_MARK.finditer(content):
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


def _tnef_files(content: bytes, defects: set[str]) -> list[Enclosed]:
    try:
        library: Any = import_module("tnefparse")
    except ModuleNotFoundError:
        defects.add("tnef_not_read")  # the optional library is not installed
        return []
    if len(content) > MAX_TNEF:
        defects.add("too_large")
        return []
    try:
        capsule = library.TNEF(content)
        files = [_tnef_file(one) for one in capsule.attachments[:MAX_ENCLOSED]]
    except Exception:  # the library raises whatever broken bytes lead it to
        log.debug("a TNEF capsule could not be read", exc_info=True)
        defects.add("bad_tnef")
        return []
    return files


def _tnef_file(one: Any) -> Enclosed:
    name = one.long_filename() or one.name or ""
    text = name.decode("latin-1") if isinstance(name, bytes) else str(name)
    return Enclosed(text.strip("\0 "), bytes(one.data or b""))
