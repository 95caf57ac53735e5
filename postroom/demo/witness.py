"""Looks at the API from outside, as curl does: what arrived, what the receipt says."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

#: What it takes that nobody listens yet, or that the other side is just ending.
Unanswered = (URLError, OSError, ValueError)


class Witness:
    """Reads one API."""

    def __init__(self, url: str, mailbox: str) -> None:
        self.url = url
        self._mailbox = mailbox
        # A proxy, which an office may well demand, knows nothing of this machine.
        self._opener = build_opener(ProxyHandler({}))

    def get(self, path: str, **query: object) -> Any:
        """The JSON at a path; raises one of Unanswered."""
        address = f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            with self._opener.open(address, timeout=10) as answer:
                return json.load(answer)
        except HTTPError as e:
            e.close()
            raise

    def is_up(self) -> bool:
        """Whether the API answers."""
        try:
            self.get("/health")
        except Unanswered:
            return False
        return True

    def mails(self) -> Iterator[dict[str, Any]]:
        """All mails, newest first, page by page."""
        query: dict[str, object] = {"limit": 500}
        while True:
            page = self.get("/v1/mails", **query)
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            query["cursor"] = page["next_cursor"]

    def versions(self, page: str) -> list[dict[str, Any]]:
        """The newest versions of files of a watched page."""
        items: list[dict[str, Any]] = self.get("/v1/files", page=page, versions="all", limit=500)[
            "items"
        ]
        return items

    def receipt(self) -> dict[str, Any] | None:
        """The last receipt of the mailbox; None before the first."""
        items = self.get(f"/v1/mailboxes/{self._mailbox}/receipts")["items"]
        return next(iter(items), None)

    def missing(self, expected: set[str], listed: int) -> str:
        """What speaks against "all is there": a sentence, or nothing.

        `expected` are SHA-256, `listed` is the number of mails on the server.
        """
        try:
            lacking = len(expected - {mail["sha256"] for mail in self.mails()})
            receipt = self.receipt()
        except Unanswered as e:
            return f"the API cannot tell: {e}"
        words = f"the last receipt says: {told(receipt)}" if receipt else "there is no receipt"
        if lacking:
            return f"{lacking} of {len(expected)} contents are not seen through the API; {words}"
        if receipt is None or receipt["missing"] or receipt["listed"] < listed:
            return words
        return ""


def told(receipt: dict[str, Any]) -> str:
    """A receipt in words."""
    names = ("listed", "stored", "quarantined", "refused", "too_big", "missing")
    return ", ".join(f"{name} {receipt[name]}" for name in names if name in receipt)
