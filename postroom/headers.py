"""The header block of a raw mail, as a proof of which mail it is."""

import re
from hashlib import sha256

#: Servers and clients change these.
_CHANGING = re.compile(rb"^(?:Status|X-Status|X-UIDL|X-UID)[ \t]*:.*\n(?:[ \t].*\n?)*", re.I | re.M)


def header_block(raw: bytes) -> bytes:
    """All before the first empty line, whatever the line ends; the whole of a mail without one."""
    if raw.startswith((b"\r\n", b"\n")):
        return b""
    end = len(raw)
    for empty in (b"\r\n\r\n", b"\n\n", b"\r\r"):
        # Never beyond what was found: mails are long, and header blocks are not.
        at = raw.find(empty, 0, end)
        end = at if at >= 0 else end
    return raw[:end]


def header_sha256(block: bytes) -> str:
    """Hex SHA-256 of a header block; empty lines at its end do not count."""
    return sha256(block.rstrip(b"\r\n")).hexdigest()


def lasting(block: bytes) -> bytes:
    """A header block without the fields in which servers keep a mail's state."""
    return _CHANGING.sub(b"", header_block(block) + b"\n").rstrip(b"\r\n")
