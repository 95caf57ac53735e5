"""What a folder holds, asked for in answers of bounded length."""

from collections.abc import Iterator
from datetime import date
from itertools import islice

from imapclient.datetime_util import format_criteria_date

from postroom import wire

from .. import WINDOW_KEYS
from .answers import MAX_UID
from .client import Client

#: Mails per SEARCH: their UIDs of up to ten digits stay within imaplib's line of 1,000,000 bytes.
SEARCH_MAILS = 80_000


def newest_first(client: Client, exists: int | None) -> Iterator[int]:
    """All UIDs, falling.

    Mails are named by sequence numbers, which have no gaps, from the top down: an expunge
    meanwhile moves mails to lower numbers, so that one may be listed twice but none skipped.
    """
    below = MAX_UID + 1
    for numbers in _numbers(exists):
        for uid in sorted(client.uid_search(numbers), reverse=True):
            if 0 < uid < below:
                below = uid
                yield uid


def windows(uids: Iterator[int], high: int) -> Iterator[wire.Window]:
    """Closed windows from `high` down to 1 over falling UIDs."""
    chunk = list(islice(uids, WINDOW_KEYS))
    high = max([high, 1, *chunk[:1]])
    while True:
        following = list(islice(uids, WINDOW_KEYS))
        low = chunk[-1] if following else 1
        yield wire.Window(low=low, high=high, ranges=wire.compressed(reversed(chunk)))
        if not following:
            return
        high, chunk = low - 1, following


def nth_newest(client: Client, exists: int | None, n: int) -> int | None:
    """The UID of the n-th newest mail; None when there are no more than n."""
    if exists is None or exists <= n:
        return None
    return min(client.uid_search(str(exists - n + 1)), default=None)


def first_since(client: Client, exists: int | None, day: date) -> int | None:
    """The lowest UID among the mails that came to the server on that day or later."""
    criterion = f"SINCE {format_criteria_date(day).decode()}"
    for numbers in reversed(list(_numbers(exists))):
        if found := client.uid_search(f"{numbers} {criterion}"):
            return min(found)
    return None


def highest(client: Client, exists: int | None) -> int:
    """The highest UID; 0 in an empty folder."""
    return next(newest_first(client, exists), 0)


def _numbers(exists: int | None) -> Iterator[str]:
    if exists is None:
        yield "ALL"
        return
    for top in range(exists, 0, -SEARCH_MAILS):
        yield f"{max(1, top - SEARCH_MAILS + 1)}:{top}"
