"""Content-Transfer-Encoding undone, rubbish and all (RFC 2045, 6)."""

import binascii
import re
from collections.abc import Iterable, Iterator

#: Where padding stands, with the line ends behind it.
_TAIL = 64
WHITE = b" \t\r\n\f\v"
_NOT_LETTERS = re.compile(r"[^a-z0-9]")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
#: A line that is base64 to its end or to its padding: mailing lists write their text behind it.
BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]+(?:={1,2}|$)")
_SPACED_SOFT_BREAK = re.compile(rb"=[ \t]+(?=\r?\n|$)")
UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\r\n]*\r?\n", re.MULTILINE)

_NAMES = {
    "base64": "base64", "b": "base64", "b64": "base64",
    "quotedprintable": "quoted-printable", "quotedprintible": "quoted-printable",
    "qp": "quoted-printable", "q": "quoted-printable",
    "xuuencode": "uuencode", "uuencode": "uuencode", "xuue": "uuencode", "uue": "uuencode",
}  # fmt: skip


def encoding_of(value: str) -> str:
    """Return base64, quoted-printable, uuencode or "" for what needs no decoding."""
    words = value.lower().split(";")[0].split()
    return _NAMES.get(_NOT_LETTERS.sub("", words[0]), "") if words else ""


def decode(body: bytes, encoding: str, defects: set[str]) -> bytes:
    """Undo `encoding`; what cannot be undone stays as it is."""
    if encoding == "base64":
        return decode_base64(body, defects)
    if encoding == "quoted-printable":
        return decode_quoted_printable(body)
    if encoding == "uuencode":
        return _decode_uu_part(body, defects)
    return body


def decode_quoted_printable(body: bytes) -> bytes:
    """Decode; an escape that is none stays as written."""
    if b"= " in body or b"=\t" in body:
        body = _SPACED_SOFT_BREAK.sub(b"=", body)
    return binascii.a2b_qp(body)


def decode_base64(body: bytes, defects: set[str]) -> bytes:
    """Decode the way that keeps most: sound text at once, broken text line by line.

    What was never base64 (a mailer that announced it and did not do it) stays as it is.
    """
    if (sound := _sound_base64(body)) is not None:
        return sound
    try:
        return b"".join(sound_base64([body], WHITE))
    except ValueError:
        defects.add("bad_base64")
    lines = [found[0] for line in body.splitlines() if (found := BASE64_LINE.match(line.strip()))]
    letters = b"\n".join(lines) if lines else body.translate(None, NOT_BASE64)
    is_prose = not lines and len(body.split()) > len(body.splitlines())
    if is_prose or (not lines and len(letters) % 4):
        return body
    return b"".join(base64_runs([letters.replace(b"\n", b"")]))


def _sound_base64(body: bytes) -> bytes | None:
    """Decode in one go; None when the length tells that something but line ends was left out."""
    try:
        decoded = binascii.a2b_base64(body)
    except binascii.Error:
        return None
    letters = len(body) - body.count(b"\n") - body.count(b"\r")
    padding = body[-_TAIL:].count(b"=")
    return decoded if len(decoded) == letters * 3 / 4 - padding else None


def sound_base64(pieces: Iterable[bytes], leave_out: bytes) -> Iterator[bytes]:
    """Decode sound base64; raises ValueError for what is not sound."""
    left, ended = b"", False
    for piece in pieces:
        letters = left + piece.translate(None, leave_out)
        if ended and letters.strip(b"="):
            raise ValueError("letters behind the padding")
        whole = 0 if ended else len(letters) // 4 * 4
        left = letters[whole:]
        ended = ended or letters[:whole].endswith(b"=")
        yield binascii.a2b_base64(letters[:whole], strict_mode=True)
    # Padding that nobody needs does no harm.
    if left.strip(b"="):
        raise ValueError("an unfinished group of letters")


def base64_runs(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Decode letters; where padding stands, another run of them begins."""
    left = b""
    for piece in pieces:
        *runs, left = (left + piece).split(b"=")
        yield from map(_decode_run, runs)
        whole = len(left) // 4 * 4
        yield binascii.a2b_base64(left[:whole])
        left = left[whole:]
    yield _decode_run(left)


def _decode_run(run: bytes) -> bytes:
    # One letter too many carries six bits of a byte that never came.
    if len(run) % 4 == 1:
        run = run[:-1]
    return binascii.a2b_base64(run + b"=" * (-len(run) % 4))


def _decode_uu_part(body: bytes, defects: set[str]) -> bytes:
    begin = UU_BEGIN.search(body)
    if begin is None:
        defects.add("bad_uuencode")
        return body
    return b"".join(decode_uu_lines(body[begin.end() :].splitlines(), defects))


def decode_uu_lines(lines: Iterable[bytes], defects: set[str]) -> Iterator[bytes]:
    """Decode the lines after "begin" up to "end"."""
    for line in lines:
        if line.strip() == b"end":
            return
        if line:
            yield _decode_uu_line(line, defects)
    defects.add("uuencode_not_closed")


def _decode_uu_line(line: bytes, defects: set[str]) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        # Some encoders pad a line wrongly: its first character says how many bytes count.
        length = (((line[0] - 32) & 63) * 4 + 5) // 3
    try:
        return binascii.a2b_uu(line[:length])
    except binascii.Error:
        defects.add("bad_uuencode")
        return b""
