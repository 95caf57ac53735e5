"""What a key may be, and which content it names."""

import hashlib
import re
from io import BufferedReader

from . import BadKeyError

#: Names that the stores keep for themselves begin so.
RESERVED = ".postroom-"
#: The folder of the objects that are named by their hash alone, see postroom.storage.folder.
HASHES = "sha256"
#: Bytes, the limit of S3.
LONGEST_KEY = 1024
#: Bytes, the limit of common file systems.
LONGEST_SEGMENT = 255

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def is_hash(key: str) -> bool:
    """Is the key a SHA-256 in hexadecimal?"""
    return _SHA256.fullmatch(key) is not None


def check_key(key: str) -> None:
    """Raise BadKeyError unless the key is a SHA-256 or a plain relative POSIX path."""
    if not is_hash(key):
        reason = _fault(key)
        if reason:
            raise BadKeyError(f"a key {reason}: {key[:200]!r}")


def _fault(key: str) -> str:
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        return "must be encodable as UTF-8"
    if b"\0" in encoded:
        return "must not have a NUL"
    if len(encoded) > LONGEST_KEY:
        return f"has at most {LONGEST_KEY} bytes"
    segments = encoded.split(b"/")
    if key.partition("/")[0] == HASHES:
        return f"must not begin with the folder {HASHES!r}"
    return next(filter(None, map(_segment_fault, segments)), "")


def _segment_fault(segment: bytes) -> str:
    if segment in {b"", b".", b".."}:
        return "must be a relative path without empty, '.' or '..' segments"
    if len(segment) > LONGEST_SEGMENT:
        return f"has at most {LONGEST_SEGMENT} bytes between slashes"
    if segment.startswith(RESERVED.encode()):
        return f"must not have a segment that begins with {RESERVED!r}"
    return ""


def named_hash(key: str) -> str | None:
    """The SHA-256 in the key: itself, or the folder right above the file's name."""
    return next((part for part in key.split("/")[-2:] if is_hash(part)), None)


def matches(key: str, stream: BufferedReader) -> bool:
    """Read the stream to its end: has it the SHA-256 that the key names, if it names one?"""
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return named_hash(key) in {digest, None}
