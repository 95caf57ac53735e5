"""Whether two header blocks are the same mail's, by the cheapest proof that decides."""

from typing import Literal, NamedTuple

from postroom.headers import header_block, lasting
from postroom.parts.fields import read_head

Proof = Literal[
    "same_headers", "same_without_status", "other_message_id", "other_headers", "common_headers"
]
#: What is left to compare where servers add or reorder fields.
COMMON = ("from", "to", "subject", "date", "cc", "return-path", "received")


class Verdict(NamedTuple):
    """Whether they match, and what decided."""

    same: bool
    proof: Proof

    @property
    def certain(self) -> bool:
        """Whether the text itself is equal: less is not enough to delete a mail."""
        return self.proof in ("same_headers", "same_without_status")


def compare(one: bytes, other: bytes) -> Verdict:
    """Compare two header blocks; line ends do not count."""
    one, other = _plain(one), _plain(other)
    if one == other:
        return Verdict(True, "same_headers")
    if lasting(one) == lasting(other):
        return Verdict(True, "same_without_status")
    ours, theirs = _fields(one), _fields(other)
    # It may be missing or forged: equal says nothing, other says that it is another mail.
    if ours.get("message-id") != theirs.get("message-id"):
        return Verdict(False, "other_message_id")
    if any(ours.get(name) != theirs.get(name) for name in COMMON):
        return Verdict(False, "other_headers")
    return Verdict(True, "common_headers")


def _plain(block: bytes) -> bytes:
    return header_block(block).replace(b"\r\n", b"\n").rstrip(b"\r\n")


def _fields(block: bytes) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in read_head(block, 0, len(block), set()).fields:
        fields.setdefault(name.lower(), []).append(value)
    return fields
