"""The last answers, kept for whoever asks again because the first one did not reach him."""

from collections import OrderedDict
from typing import NamedTuple

Frames = list[bytes]


class _Kept(NamedTuple):
    until: float
    size: int
    frames: Frames


class Answers:
    """Bounded in time, count and bytes; the oldest go first."""

    def __init__(
        self, seconds: float = 60.0, most: int = 20_000, most_bytes: int = 16 * 2**20
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, now: float, request_id: str, frames: Frames) -> None:
        """Remember the answer to a request."""
        self._drop(request_id)
        size = sum(map(len, frames))
        self._kept[request_id] = _Kept(now + self._seconds, size, frames)
        self._bytes += size
        self._trim(now)

    def find(self, now: float, request_id: str) -> Frames | None:
        """The answer that the request has had, if it is still kept."""
        self._trim(now)
        kept = self._kept.get(request_id)
        return kept.frames if kept else None

    def _trim(self, now: float) -> None:
        while self._kept:
            name, kept = next(iter(self._kept.items()))
            full = len(self._kept) > self._most or self._bytes > self._most_bytes
            if kept.until > now and not full:
                return
            self._drop(name)

    def _drop(self, name: str) -> None:
        if kept := self._kept.pop(name, None):
            self._bytes -= kept.size
