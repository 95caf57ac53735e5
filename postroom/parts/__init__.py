"""The parts of a raw mail: found by the parser, read again by whoever serves them."""

from postroom.errors import ObjectMissingError
from postroom.parts.enclosed import enclosed_bytes
from postroom.parts.node import Node
from postroom.parts.tree import split

__all__ = ["Node", "part_bytes", "split"]


def part_bytes(raw: bytes, path: str) -> bytes:
    """Return the decoded bytes of the part at `path`, as the parser measured and hashed them.

    Raises ObjectMissingError when the mail has no such part.
    """
    defects: set[str] = set()
    outer, _, inner = path.partition("/")
    for node in split(raw, defects).walk():
        if node.path == outer:
            return enclosed_bytes(node, inner) if inner else node.content(defects)
    raise ObjectMissingError(f"the mail has no part {path!r}")
