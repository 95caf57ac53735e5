"""The header block of a raw mail, as a proof of which mail it is."""

from hashlib import sha256


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
