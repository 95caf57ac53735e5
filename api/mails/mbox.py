"""Mails as one mbox file: RFC 4155, quoted as mboxrd.

Each line of a mail that would pass for a separator, with ">" before it or without, gets one ">"
more: who takes one away again has the mail as it was. Lines end with LF, as the RFC wants.
"""

import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime

NOBODY = "MAILER-DAEMON"
_ADDRESS = re.compile("[!-~]+@[!-~]+")
_SEPARATOR = re.compile(rb"(\n>*)(?=From )")
#: The beginning of a line that may yet become a separator.
_BEGUN = re.compile(rb"\n>*(F(?:r(?:om?)?)?)?")


def separator(address: str, date: str) -> bytes:
    """The line before a mail; `date` as the tables keep it."""
    sender = address if _ADDRESS.fullmatch(address) else NOBODY
    return f"From {sender} {time.asctime(datetime.fromisoformat(date).timetuple())}\n".encode()


def quoted(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """One mail's bytes, quoted, and the empty line after it; in constant memory."""
    held, at_start, last = b"", True, b"\n"
    for chunk in chunks:
        # Where only marks stand since the last line end, that line end is put back for the search.
        before = b"\n" if at_start else b""
        text = before + (held + chunk).replace(b"\r\n", b"\n")
        held, at_start = _open_end(text)
        ready = text[: len(text) - len(held)]
        if b"From " in ready:
            ready = _SEPARATOR.sub(rb"\1>", ready)
        last = ready[-1:] or last
        yield ready[len(before) :]
    yield held if (held or last) == b"\n" else held + b"\n"
    yield b"\n"


def _open_end(text: bytes) -> tuple[bytes, bool]:
    """What waits for the bytes that follow, and whether but marks stand before it in its line."""
    if text.endswith(b"\r"):
        return b"\r", False
    line = text.rfind(b"\n")
    begun = _BEGUN.fullmatch(text, line) if line >= 0 else None
    return (begun[1] or b"", True) if begun else (b"", False)
