"""The answer at the end of all redirects."""

from collections.abc import Iterator
from dataclasses import dataclass

import requests
from urllib3.exceptions import HTTPError

from postroom.web.answers import cause_of

from . import decode, failures
from .failures import BrokenError

_PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """Its body is still to come."""

    url: str
    response: requests.Response

    @property
    def status(self) -> int:
        """The status code."""
        return self.response.status_code

    def header(self, name: str) -> str:
        """A header's value; "" where there is none."""
        return self.response.headers.get(name) or ""

    @property
    def length(self) -> int | None:
        """Bytes of the body as they are sent, where the server tells."""
        text = self.header("Content-Length")
        return int(text) if text.isascii() and text.isdigit() else None

    def require(self) -> None:
        """Raise for a status that brings nothing."""
        rest = failures.rest_of(self.status, self.header("Retry-After"))
        if error := failures.of_status(self.url, self.status, rest):
            raise error

    def pieces(self) -> Iterator[bytes]:
        """The body as it is sent; BrokenError when it ends early."""
        try:
            yield from self.response.raw.stream(_PIECE, decode_content=False)
        except HTTPError as e:
            raise BrokenError(f"{self.url}: the answer broke off: {cause_of(e)}") from e

    def unpacked(self) -> Iterator[bytes]:
        """The body as it is meant."""
        try:
            yield from decode.decoded(self.pieces(), self.header("Content-Encoding"))
        except decode.TruncatedError:
            raise BrokenError(f"{self.url}: the compressed answer ends too early") from None

    def beginning(self, most: int) -> bytes:
        """The first bytes of the body."""
        body = bytearray()
        for piece in self.pieces():
            body += piece
            if len(body) > most:
                break
        return bytes(body[:most])
