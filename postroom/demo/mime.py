"""Mails put together by hand, so that every encoding in use can be shown."""

import base64
import quopri
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

CRLF = "\r\n"
#: Characters in one encoded word; no charset here makes more than 75 bytes of them.
WORD = 10


@dataclass(frozen=True, slots=True)
class Part:
    """A body, encoded for the way, and what its headers say."""

    type: str
    body: bytes
    encoding: str = "7bit"
    headers: tuple[str, ...] = ()

    def rendered(self) -> bytes:
        """Headers, an empty line, the body."""
        told = (f"Content-Type: {self.type}", f"Content-Transfer-Encoding: {self.encoding}")
        return _lines((*told, *self.headers)) + b"\r\n" + self.body


def message(headers: Sequence[str], body: Part) -> bytes:
    """A whole mail."""
    return _lines((*headers, "MIME-Version: 1.0")) + body.rendered()


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(line + CRLF for line in lines).encode("ascii")


def text(content: str, charset: str, encoding: str, subtype: str = "plain") -> Part:
    """A text part; lines of `content` end in LF."""
    encoded = content.replace("\n", CRLF).encode(charset)
    return Part(f"text/{subtype}; charset={charset}", encode(encoded, encoding), encoding)


def encode(content: bytes, encoding: str) -> bytes:
    """Apply a Content-Transfer-Encoding (RFC 2045, 6)."""
    if encoding == "base64":
        return base64.encodebytes(content).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        soft = quopri.encodestring(content.replace(b"\r\n", b"\n"))
        return soft.replace(b"\n", b"\r\n")
    return content


def multipart(subtype: str, boundary: str, *parts: Part, parameters: str = "") -> Part:
    """Parts between boundary lines."""
    opening = f"--{boundary}\r\n".encode()
    body = b"".join(opening + part.rendered() + b"\r\n" for part in parts)
    declared = f'multipart/{subtype}; boundary="{boundary}"{parameters}'
    encoding = "8bit" if any(part.encoding == "8bit" for part in parts) else "7bit"
    return Part(declared, body + f"--{boundary}--\r\n".encode(), encoding)


def attachment(content: bytes, type_: str, file_name: str) -> Part:
    """A file in base64; `file_name` is the finished parameter, see the functions below."""
    disposition = f"Content-Disposition: attachment; {file_name}"
    return Part(type_, encode(content, "base64"), "base64", (disposition,))


def rfc2231_name(name: str, charset: str) -> str:
    """A file name as an extended parameter."""
    return f"filename*={charset}''{quote(name.encode(charset))}"


def continued_name(name: str, charset: str) -> str:
    """The same in numbered pieces (RFC 2231, 3), as long names come."""
    # Between whole characters: many readers decode piece by piece.
    pieces = [quote(name[at : at + 5].encode(charset)) for at in range(0, len(name), 5)]
    first, *rest = pieces
    lines = [f"filename*0*={charset}''{first}"]
    lines += [f"filename*{n}*={piece}" for n, piece in enumerate(rest, 1)]
    return f";{CRLF} ".join(lines)


def encoded_name(name: str, charset: str) -> str:
    """The same in encoded words, which no RFC allows and many programs write."""
    return f'filename="{f"{CRLF} ".join(encoded_words(name, charset))}"'


def encoded_words(content: str, charset: str) -> list[str]:
    """Words of RFC 2047; each holds whole characters."""
    pieces = [content[at : at + WORD] for at in range(0, len(content), WORD)]
    return [_encoded_word(piece, charset) for piece in pieces]


def _encoded_word(piece: str, charset: str) -> str:
    encoded = piece.encode(charset)
    if charset.startswith("iso-8859"):
        return f"=?{charset}?Q?{''.join(_q(byte) for byte in encoded)}?="
    return f"=?{charset}?B?{base64.b64encode(encoded).decode()}?="


def _q(byte: int) -> str:
    if byte == ord(" "):
        return "_"
    return chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"={byte:02X}"


def phrase(content: str, charset: str) -> str:
    """Header text: as it is when plain, else encoded words, folded."""
    if content.isascii():
        return content
    return f"{CRLF} ".join(encoded_words(content, _header_charset(charset)))


def _header_charset(charset: str) -> str:
    # In UTF-16 every word would begin with a byte order mark.
    return "utf-8" if charset in {"utf-16", "us-ascii"} else charset


def mailbox(name: str, address: str, charset: str) -> str:
    """A name and an address, as From and To have them."""
    if name.isascii():
        return f"{name} <{address}>"
    return f"{phrase(name, charset)} <{address}>"
