"""A mail as a tree of parts, each a view into the raw bytes (RFC 2046).

One pass over the lines that begin with "--": a table of the open boundaries tells which part such
a line ends, so that neither depth nor number of parts makes the reading slower than linear.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from postroom.parts.fields import Head, begins_field, read_head, skip_leading_lines
from postroom.parts.node import Node, type_of

#: Multiparts and mails within each other that are opened; what lies deeper stays closed.
MAX_DEPTH = 100
#: Parts of one mail that are listed.
MAX_PARTS = 5_000
#: Mails within mails behind base64 or quoted-printable, each of which is a copy in memory.
MAX_ENCODED_DEPTH = 8
#: Bytes of them that are opened, all together.
MAX_ENCODED_BYTES = 50 << 20
#: Boundaries of one mail that are looked for ahead when they do not come at once.
MAX_SEARCHES = 64
#: Lines that only begin like the delimiter that are passed over in one such search.
MAX_ALIKE = 100
#: Longer lines are no delimiters.
MAX_DELIMITER = 2_000

#: What looks like a delimiter where the declared one never comes.
_LIKELY_DELIMITER = re.compile(
    rb"\n--(-*[^\s-][^\n]{0,200}?)[ \t\r]{0,50}\n(?=Content-[A-Za-z-]+[ \t]*:)", re.IGNORECASE
)


@dataclass(slots=True)
class _Count:
    """What one mail has used up of its bounds."""

    defects: set[str]
    parts: int = 0
    searches: int = 0
    #: Bytes of mails within the mail that had to be decoded.
    opened: int = 0

    def may_open(self, size: int) -> bool:
        """Whether so many bytes more can be decoded."""
        if self.opened + size > MAX_ENCODED_BYTES:
            self.defects.add("too_large")
            return False
        self.opened += size
        return True


def split(raw: bytes, defects: set[str]) -> Node:
    """Return the root of the mail; never raises, what is wrong goes into `defects`."""
    count = _Count(defects)
    root = _Splitter(raw, count).read("", 0)
    closed = [root]
    for _ in range(MAX_ENCODED_DEPTH):
        closed = [inner for node in closed for inner in _open_encoded(node, count)]
    return root


def _open_encoded(root: Node, count: _Count) -> Iterator[Node]:
    """Open mails within the mail that were transfer encoded, against RFC 2046, 5.2.1."""
    for node in root.walk():
        if node.is_message and not node.parts and node.encoding and count.parts < MAX_PARTS:
            if not count.may_open(node.span.size):
                continue
            inner = _Splitter(node.content(count.defects), count).read(node.prefix, node.depth + 1)
            if inner.names:
                node.parts.append(inner)
                yield inner


class _Splitter:
    def __init__(self, data: bytes, count: _Count) -> None:
        self._data = data
        # Bare CR as the only line end: the same length, so offsets hold in both.
        lone = b"\n" not in data and b"\r" in data
        self._scan = data.replace(b"\r", b"\n") if lone else data
        self._count = count
        self._defects = count.defects
        self._open: list[Node] = []
        self._levels: dict[bytes, list[int]] = {}

    def read(self, prefix: str, depth: int) -> Node:
        """Return the root of the data."""
        start = skip_leading_lines(self._scan, self._defects)
        root = self._root(start, prefix, depth)
        at = max(self._open[-1].start - 1, 0)
        while self._levels and (found := self._delimiter(at, len(self._scan))):
            at = self._turn(*found)
        if self._levels:
            self._defects.add("boundary_not_closed")
        return root

    def _turn(self, line: int, after: int, level: int, closing: bool) -> int:
        """Go over one delimiter; return where to look for the next."""
        stop = line - 1 if line and self._scan[line - 1] == 13 else line
        self._close(level, stop)
        parent = self._open[level]
        if closing:
            self._close(level - 1, stop)
            return after - 1
        if self._count.parts >= MAX_PARTS:
            self._defects.add("too_many_parts")
            return after - 1
        default = "message/rfc822" if parent.type == "multipart/digest" else "text/plain"
        path = f"{parent.prefix}{len(parent.parts) + 1}"
        parent.parts.append(self._part(after, path, default, parent.depth + 1))
        return self._open[-1].start - 1

    def _part(self, start: int, path: str, default: str, depth: int) -> Node:
        """Read the head at `start`, open what it announces and put the part on the stack."""
        self._count.parts += 1
        head = self._head(start)
        names = [name.lower() for name, _ in head.fields]
        headers = dict(
            zip(reversed(names), (field[1] for field in reversed(head.fields)), strict=True)
        )
        kind, options = type_of(names, head, default, self._defects)
        node = Node(
            path, f"{path}.", head, names, headers, kind, options,
            self._data, head.body, len(self._data), depth,
        )  # fmt: skip
        self._open.append(node)
        if node.type.startswith("multipart/"):
            self._open_multipart(node)
        elif node.is_message and not node.encoding and self._is_mail(node):
            node.parts.append(self._root(head.body, node.prefix, depth + 1))
        return node

    def _root(self, start: int, prefix: str, depth: int) -> Node:
        """Read a whole mail's head; IMAP gives a multipart there no number (RFC 3501, 6.4.5)."""
        node = self._part(start, f"{prefix}1", "text/plain", depth)
        if node.boundary:
            node.path, node.prefix = f"{prefix}TEXT", prefix
        return node

    def _head(self, start: int) -> Head:
        """Read the fields of a part; a delimiter amid them ends it."""
        head = read_head(self._scan, start, len(self._scan), self._defects)
        if self._levels and (found := self._delimiter(max(start - 1, 0), head.body)):
            return read_head(self._scan, start, max(start, found[0] + 1), self._defects)
        return head

    def _is_mail(self, node: Node) -> bool:
        return begins_field(self._scan, node.start) and self._may_open(node)

    def _may_open(self, node: Node) -> bool:
        if node.depth < MAX_DEPTH:
            return True
        self._defects.add("too_deep")
        return False

    def _open_multipart(self, node: Node) -> None:
        if not self._may_open(node):
            return
        declared = node.parameters.get("boundary")
        boundary = declared.value.strip().encode("latin-1", "replace") if declared else b""
        if not boundary or not self._comes(boundary, node.start):
            self._defects.add("wrong_boundary")
            boundary = self._likely_boundary(node.start)
        if boundary:
            node.boundary = boundary
            self._levels.setdefault(boundary, []).append(len(self._open) - 1)

    def _comes(self, boundary: bytes, start: int) -> bool:
        """Tell whether the delimiter stands anywhere behind `start`."""
        self._count.searches += 1
        if self._count.searches > MAX_SEARCHES:
            return True
        at = max(start - 1, 0)
        for _ in range(MAX_ALIKE):
            at = self._scan.find(b"\n--" + boundary, at)
            if at < 0:
                return False
            at += 3 + len(boundary)
            if self._scan[at : at + MAX_DELIMITER].partition(b"\n")[0].strip() in {b"", b"--"}:
                return True
        return True

    def _likely_boundary(self, start: int) -> bytes:
        if self._count.searches > MAX_SEARCHES:
            return b""
        found = _LIKELY_DELIMITER.search(self._scan, max(start - 1, 0))
        if found is None or found[1] in self._levels:
            return b""
        return found[1]

    def _delimiter(self, at: int, end: int) -> tuple[int, int, int, bool] | None:
        """Return the next delimiter: its line end before, its end, its level, whether it closes.

        The innermost of equal boundaries counts; "a--" as a boundary comes before "a" closing.
        """
        scan = self._scan
        while (at := scan.find(b"\n--", at, end)) >= 0:
            after = scan.find(b"\n", at + 1) + 1 or len(scan)
            line = scan[at + 3 : min(after, at + MAX_DELIMITER)].rstrip()
            if levels := self._levels.get(line):
                return at, after, levels[-1], False
            if line.endswith(b"--") and (levels := self._levels.get(line[:-2].rstrip())):
                return at, after, levels[-1], True
            at += 1
        return None

    def _close(self, level: int, stop: int) -> None:
        """Close what stands above `level`; its bytes end at `stop`."""
        while len(self._open) - 1 > level:
            node = self._open.pop()
            node.end = max(node.start, stop)
            if node.boundary:
                levels = self._levels[node.boundary]
                levels.pop()
                if not levels:
                    del self._levels[node.boundary]
