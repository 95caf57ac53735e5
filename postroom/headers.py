"""The header block of a raw mail, as a proof of which mail it is."""

from hashlib import sha256


def header_block(raw: bytes) -> bytes:
    """All before the first empty line, whatever the line ends; the whole of a mail without one."""
    ends = [at for at in (raw.find(b"\r\n\r\n"), raw.find(b"\n\n"), raw.find(b"\r\r")) if at >= 0]
    if raw[:2] == b"\r\n" or raw[:1] == b"\n":
        return b""
    return raw[: min(ends)] if ends else raw


def header_sha256(block: bytes) -> str:
    """Hex SHA-256 of a header block; empty lines at its end do not count."""
    return sha256(block.rstrip(b"\r\n")).hexdigest()
