"""What strangers wrote, as it may stand in a mail: names, addresses; and sizes for people."""

import re
from urllib.parse import quote

#: Controls, separators, lone surrogates and noncharacters; marks that make text read as another.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
#: Of an address, what stands for itself (RFC 3986); "%" is an escape that is there already.
_AS_IT_IS = "%:/?#[]@!$&'()*+,;=~"
#: Five hundred of them are still a mail that servers take.
MAX_LINK = 2_000
_UNITS = ("kB", "MB", "GB", "TB")


def clean(text: str, most: int = 300) -> str:
    """One line of at most `most` characters, in which nothing steers the one who shows it."""
    line = _UNSAFE.sub("\ufffd", " ".join(text.split()))
    if len(line) <= most:
        return line
    # The end of a name says what kind of file it is.
    end = most // 4
    return f"{line[: most - end - 1]}…{line[-end:]}"


def in_header(text: str, most: int) -> str:
    """The same where it becomes part of a header: there "=?" would begin what is decoded."""
    # Python's email decodes it as well, and line ends that come out of it end the header.
    return clean(text, most).replace("=?", "= ?")


def is_link(place: str) -> bool:
    """Whether a browser may be sent there."""
    return place.lower().startswith(("http://", "https://"))


def place(text: str) -> str:
    """Where something is: an address of the web in ASCII without blanks, anything else in words."""
    if not is_link(text):
        return clean(text, 1000)
    address = quote(text, safe=_AS_IT_IS, errors="replace")
    return address if len(address) <= MAX_LINK else f"an address of {len(address):,} characters"


def size(count: int) -> str:
    """Bytes for people: 812 bytes, 1.2 kB, 34 MB."""
    if count < 1000:
        return "1 byte" if count == 1 else f"{count} bytes"
    value, unit = count / 1000, _UNITS[0]
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"
