"""Mails in numbers."""

import hashlib
from collections.abc import Iterable


def mails(count: int, first: int = 1, body: str = "hello") -> list[bytes]:
    """Mails with CRLF line ends, none like another."""
    return [_mail(number, body) for number in range(first, first + count)]


def _mail(number: int, body: str) -> bytes:
    lines = [
        "From: Ann <ann@example.org>",
        "To: team@example.org",
        f"Subject: mail {number}",
        f"Message-ID: <{number}@example.org>",
        f"Date: Sat, 21 Nov 2026 10:{number // 60 % 60:02}:{number % 60:02} +0000",
        "",
        f"{body} {number} " + "words and more words " * (number % 40),
        "",
    ]
    return "\r\n".join(lines).encode()


def hashes(raws: Iterable[bytes]) -> list[str]:
    """Their SHA-256, sorted."""
    return sorted(hashlib.sha256(raw).hexdigest() for raw in raws)
