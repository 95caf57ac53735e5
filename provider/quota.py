"""How much may be downloaded from an account on one day (UTC); mailboxes of one account share it.

What counts are whole mails, as they come from the server. The count outlives a restart, since the
API tells at HELLO what came today.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from postroom.errors import TemporaryError
from postroom.wire import Key

Clock = Callable[[], datetime]
MEGABYTE = 1024 * 1024
#: What is left counts as nothing below this part of the budget: no sizes are asked for its sake.
LEAST_PART = 100
#: How often a mailbox is listed when nothing can be downloaded.
SPENT_SECONDS = 3_600.0


class SpentError(TemporaryError):
    """Nothing can be read before the next day."""


def utc() -> datetime:
    """This moment."""
    return datetime.now(UTC)


class Day:
    """What was downloaded from one account on the present day, by all who read it."""

    def __init__(self, clock: Clock = utc) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._date = self.today()
        self._spent = 0
        #: Of mails that are being downloaded.
        self._reserved = 0
        #: When a mail beyond the whole budget was last begun.
        self._beyond: date | None = None

    def today(self) -> date:
        """Of this moment."""
        return self._clock().astimezone(UTC).date()

    def seconds_left(self) -> float:
        """Until the next day begins."""
        now = self._clock().astimezone(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return (midnight - now).total_seconds()

    def told(self, day: date, size: int) -> None:
        """Others know of so many bytes on that day, most of which are known here too."""
        with self._lock:
            if day == self._roll():
                self._spent = max(self._spent, size)

    def spend(self, size: int) -> None:
        """So many bytes came."""
        with self._lock:
            self._roll()
            self._spent += size

    def used(self) -> int:
        """What came, and what is on its way."""
        with self._lock:
            self._roll()
            return self._spent + self._reserved

    def reserve(self, size: int, most: int) -> bool:
        """Keep room for a mail within `most` bytes a day; False when there is none.

        One that is larger than all of a day would never come: it may begin a day on which nothing
        came yet, but not two days in a row, so that it cannot hold up all others.
        """
        with self._lock:
            today, used = self._roll(), self._spent + self._reserved
            if size > most:
                if used or self._beyond in (today, today - timedelta(days=1)):
                    return False
                self._beyond = today
            elif is_spent(used, most) or used + size > most:
                return False
            self._reserved += size
            return True

    def give_back(self, size: int) -> None:
        """What was reserved has come and was counted, or will not come."""
        with self._lock:
            self._reserved -= size

    def _roll(self) -> date:
        today = self.today()
        if today != self._date:
            self._date, self._spent = today, 0
        return today


def is_spent(used: int, most: int) -> bool:
    """Whether what is left is not worth asking for."""
    return most - used <= most // LEAST_PART


class Quota:
    """One mailbox's budget of its account's day."""

    def __init__(self, day: Day, most: int = 0) -> None:
        """`most`: bytes a day; 0: no limit."""
        self._day = day
        self._most = most
        #: Whether mails wait for the next day.
        self.holds_back = False

    def __str__(self) -> str:
        megabytes = self._most / MEGABYTE
        return f"the day's budget of {megabytes:g} MB is spent: what is left comes after 00:00 UTC"

    @property
    def is_spent(self) -> bool:
        """Whether nothing more can come today."""
        return bool(self._most) and is_spent(self._day.used(), self._most)

    @property
    def is_closed(self) -> bool:
        """Whether mails wait and none of them can come today."""
        return self.holds_back and self.is_spent

    @property
    def wait(self) -> float:
        """Seconds until mails that are held back can come; 0 when there are none."""
        return self._day.seconds_left() if self.holds_back else 0.0

    def rest(self, seconds: float) -> float:
        """How long to leave the source alone that is else looked at so often."""
        if not self.is_closed:
            return seconds
        return min(max(seconds, SPENT_SECONDS), self._day.seconds_left())

    def require(self) -> None:
        """Raise SpentError when nothing more can come today."""
        if self.is_spent:
            raise SpentError(str(self), self._day.seconds_left())

    def today(self) -> date:
        """The day that is counted."""
        return self._day.today()

    def told(self, day: date, size: int) -> None:
        """The API knows of so many bytes on that day."""
        self._day.told(day, size)

    def in_order(self, keys: Sequence[Key], sizes: Mapping[Key, int]) -> Sequence[Key]:
        """What is larger than the whole budget comes last."""
        if not self._most:
            return keys
        return sorted(keys, key=lambda key: sizes.get(key, 0) > self._most)

    def reserve(self, size: int) -> bool:
        """Keep room for a mail of that size; False when it has to wait for another day."""
        return not self._most or self._day.reserve(size, self._most)

    def give_back(self, size: int) -> None:
        """Let go of what was reserved."""
        if self._most:
            self._day.give_back(size)

    def spend(self, size: int) -> None:
        """So many bytes came."""
        self._day.spend(size)

    def counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The pieces of a mail, counted as they come."""
        for piece in pieces:
            self.spend(len(piece))
            yield piece
