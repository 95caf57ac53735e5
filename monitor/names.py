"""Names for files that came from elsewhere: for people, and as the last part of an object's key."""

import mimetypes
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import unquote, unquote_to_bytes

#: Bytes of UTF-8.
LONGEST = 150
_LONGEST_EXTENSION = 20
#: Control characters, marks that turn text round, what file systems or shells read otherwise.
_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff<>:"|?*]'
)
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\Z", re.I)
#: A parameter of RFC 6266: name, and a value in quotes or without.
_PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)', re.S)
_EXTENDED = re.compile(r"([\w-]+)'[\w-]*'(.*)", re.S)
_ENCODED_WORD = re.compile(r"=\?[\w-]+\?[bq]\?", re.I)


def object_key(page: str, sha256: str, name: str) -> str:
    """The key of a file's object: no part of it is a path that somebody else chose."""
    return f"pages/{safe(page) or 'page'}/{sha256}/{safe(name) or 'index'}"


def name_of(disposition: str, urls: tuple[str, ...], type_: str) -> str:
    """What to call a download: as its server says, else as its URL ends, else index."""
    told = safe(from_disposition(disposition))
    return told or _from_urls(urls) or f"index{_extension(type_)}"


def safe(name: str) -> str:
    """The name without what could make it a path, a device or a trick; "" if nothing is left."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = " ".join(_UNSAFE.sub("_", name).split()).strip(" .")
    stem, _, _ = name.partition(".")
    return _cut(f"_{name}" if _DEVICES.match(stem.strip()) else name)


def from_disposition(header: str) -> str:
    """The file name of a Content-Disposition field (RFC 6266), however it is written; or ""."""
    found = dict(reversed(list(_parameters(header))))
    for value in (_extended(found.get("filename*", "")), _plain(found.get("filename", ""))):
        if value:
            return value
    return ""


def _parameters(header: str) -> Iterator[tuple[str, str]]:
    # Some begin with the parameter itself.
    for match in _PARAMETER.finditer(f";{header}"):
        yield match[1].lower(), match[2].strip()


def _extended(value: str) -> str:
    """RFC 5987: charset'language'percent-encoded."""
    match = _EXTENDED.fullmatch(value.strip('"'))
    if not match:
        return ""
    try:
        return unquote_to_bytes(match[2]).decode(match[1])
    except (LookupError, UnicodeError):
        return unquote(match[2])


def _plain(value: str) -> str:
    if value.startswith('"'):
        value = re.sub(r"\\(.)", r"\1", value.strip('"'), flags=re.S)
    with suppress(UnicodeError):
        # Headers come as Latin-1; what they mean is mostly UTF-8.
        value = value.encode("latin-1").decode("utf-8")
    if _ENCODED_WORD.match(value):
        value = _decoded_word(value)
    return unquote(value) if re.search("%[0-9A-Fa-f]{2}", value) else value


def _decoded_word(value: str) -> str:
    from email.header import decode_header, make_header  # noqa: PLC0415 - hardly ever

    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        return value


def _from_urls(urls: tuple[str, ...]) -> str:
    """The end of the first URL that ends in an extension, else of the first with an end."""
    ends = [safe(unquote(url.partition("?")[0].rpartition("/")[2])) for url in urls]
    return next((end for end in ends if "." in end), "") or next(filter(None, ends), "")


def _extension(type_: str) -> str:
    return mimetypes.guess_extension(type_.partition(";")[0].strip().lower()) or ""


def _cut(name: str) -> str:
    """At most so many bytes, with the extension."""
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > _LONGEST_EXTENSION:
        stem, dot, extension = name, "", ""
    room = LONGEST - len(f"{dot}{extension}".encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + dot + extension
