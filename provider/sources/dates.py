"""When a mail came to its server, as its headers tell."""

import re
from datetime import date
from email.utils import parsedate_to_datetime

#: The first Received field is the last server's; its date stands behind the last semicolon.
_RECEIVED = re.compile(
    rb"^Received[ \t]*:(?:.|\n[ \t])*?;([^;\n]*(?:\n[ \t][^;\n]*)*)$", re.I | re.M
)
_DATE = re.compile(rb"^Date[ \t]*:(.*(?:\n[ \t].*)*)", re.I | re.M)


def arrived(head: bytes) -> date | None:
    """The day; None when the headers tell none that can be read."""
    head = head.replace(b"\r\n", b"\n")
    for pattern in (_RECEIVED, _DATE):
        if found := pattern.search(head):
            try:
                return parsedate_to_datetime(found[1].decode("ascii", "replace").strip()).date()
            except (ValueError, IndexError, TypeError, OverflowError):
                continue
    return None
