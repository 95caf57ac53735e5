"""The mails of one folder on their way to the master: fetched ahead, answered in any order."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, TypeVar

from postroom import following, wire
from postroom.errors import RefusedError, TemporaryError
from postroom.groups import grouped
from postroom.wire import Key

from . import measured
from .link import Link
from .sources import Fetched, Folder
from .upload import Room, upload

log = logging.getLogger(__name__)
T = TypeVar("T")
_MAX_REASON = 1_000
#: The longest that a master's own trouble is waited for within a pass.
PASSING_SECONDS = 60.0


class Pushes:
    """Several pushes are under way while the next mails are fetched."""

    def __init__(self, link: Link, folder: Folder, place: dict[str, Any]) -> None:
        self._link = link
        self._folder = folder
        self._place = place
        self._under_way: deque[tuple[wire.Push, Future[Any]]] = deque()
        #: Keys that were put off in this pass; `link.later` knows until when.
        self.again: set[Key] = set()
        #: Of these, what the day's quota has no room for.
        self.tomorrow: set[Key] = set()
        #: Set when it took nothing of a request: what is away is not only one mail's trouble.
        self.halted: wire.Retry | None = None
        #: Items that were sent and not put off.
        self.sent = 0
        #: The answers to the last push.
        self.told: dict[Key, wire.ItemReply] = {}

    def push(self, keys: Sequence[Key]) -> bool:
        """Fetch and send; False when it stopped midway, told to or because it is halted."""
        quota = self._link.quota
        if quota.is_spent:
            self._hold_back(keys)
            return True
        sizes = self._folder.sizes(keys) if keys else {}
        ordered = quota.in_order(keys, sizes)
        for batch in self._grouped(ordered, lambda key: sizes.get(key, 0)):
            self._collect(wait=False)
            if self.halted or self._link.stop.is_set():
                return False
            with self._within_quota(batch, sizes) as allowed:
                if sum(sizes.get(key, 0) for key in allowed) > self._link.limits.batch_bytes:
                    self._push_large(allowed[0], sizes[allowed[0]])
                elif allowed:
                    self._push_batch(allowed, sizes)
        return True

    def settle(self) -> None:
        """Wait for the answers to all that was sent."""
        self._collect(wait=True)

    @contextmanager
    def _within_quota(self, keys: Sequence[Key], sizes: dict[Key, int]) -> Iterator[list[Key]]:
        """Those for which there is room today."""
        quota = self._link.quota
        allowed = [key for key in keys if quota.reserve(sizes.get(key, 0))]
        if len(allowed) < len(keys):
            self._hold_back(set(keys).difference(allowed))
        try:
            yield allowed
        finally:
            quota.give_back(sum(sizes.get(key, 0) for key in allowed))

    def _hold_back(self, keys: Collection[Key]) -> None:
        self.tomorrow.update(keys)
        self.again.update(keys)
        self._link.quota.holds_back |= bool(keys)

    def _push_batch(self, keys: Sequence[Key], sizes: dict[Key, int]) -> None:
        large = []
        with self._link.shared.budget.room(sum(sizes.get(key, 0) for key in keys)):
            fetched = self._fetched(keys, sizes)
            large = [mail.key for mail in fetched if mail.outcome == "large"]
            small = [mail for mail in fetched if mail.outcome != "large"]
            for parcel in self._grouped(small, lambda mail: len(mail.body)):
                self._send_parcel(parcel, sizes)
        for key in large:
            self._push_large(key, sizes.get(key, 0))

    def _fetched(self, keys: Sequence[Key], sizes: dict[Key, int]) -> list[Fetched]:
        quota = self._link.quota
        try:
            fetched = list(self._folder.fetch(keys))
        except TemporaryError:
            # How much of it came is not known.
            quota.spend(sum(sizes.get(key, 0) for key in keys))
            raise
        quota.spend(sum(len(mail.body) for mail in fetched))
        return fetched

    def _send_parcel(self, mails: Sequence[Fetched], sizes: dict[Key, int]) -> None:
        if len(mails[0].body) > self._link.limits.batch_bytes:
            # It is larger than the server told.
            (mail,) = mails
            pieces = _pieces(mail.body, self._link.limits)
            # It is in memory: whoever waits for more room while keeping some blocks the others.
            self._upload(mail.key, sizes.get(mail.key, 0), pieces, nullcontext)
            return
        items = [_item(mail, sizes.get(mail.key, 0)) for mail in mails]
        self._send(items, [mail.body for mail in mails])

    def _push_large(self, key: Key, size: int) -> None:
        part = self._link.limits.part_bytes
        room = partial(self._link.shared.budget.room, part, large=True)
        pieces = self._link.quota.counted(self._folder.stream(key, part))
        if not self._upload(key, size, pieces, room):
            # Let `fetch` find out why.
            self._push_batch([key], {key: 0})

    def _upload(self, key: Key, size: int, pieces: Iterator[bytes], room: Room) -> bool:
        outcome = upload(self._link, self._place, key, size, pieces, room)
        if isinstance(outcome, wire.Retry):
            # A part is a matter of the spool alone: mails that need none go on.
            self._put_off([key], outcome.after)
        elif outcome:
            self._send([outcome], [])
        return outcome is not None

    def _send(self, items: list[wire.Item], bodies: list[bytes]) -> None:
        request = wire.Push(**self._place, items=items)
        size = sum(item.length for item in items)
        budget = self._link.shared.budget
        budget.sent(size)
        future = self._link.shared.lanes.submit(request, bodies)
        future.add_done_callback(lambda _: budget.answered(size))
        self._under_way.append((request, future))
        self._link.shared.numbers.add(measured.BYTES, self._link.name, value=size)
        self.sent += len(items)

    def _collect(self, *, wait: bool) -> None:
        while self._under_way and (wait or self._under_way[0][1].done()):
            request, future = self._under_way.popleft()
            self._read(request, future.result())

    def _read(self, request: wire.Push, answer: Any) -> None:
        numbers = self._link.shared.numbers
        match answer:
            case wire.PushReply(items=items):
                self._tell(request, answer.id, items)
                self.told = {item.key: item for item in items}
                for status, count in Counter(item.status for item in items).items():
                    numbers.add(measured.PUSHED, self._link.name, status, value=count)
                for item in request.items:
                    reply = self.told.get(item.key)
                    if reply is None or reply.status == "retry":
                        self._try_again([item.key], reply.after if reply else 1.0)
                    else:
                        self._link.shared.heard(reply)
            case wire.Retry() as retry:
                self.halted = retry
                # Its offers wait until the master is well again; only what is longer is remembered.
                after = 0.0 if retry.after <= PASSING_SECONDS else retry.after
                self._try_again([item.key for item in request.items], after)
            case wire.Refusal(code=code, message=message):
                raise RefusedError(code, message)

    def _tell(self, request: wire.Push, id_: str, items: Sequence[wire.ItemReply]) -> None:
        if not log.isEnabledFor(logging.INFO):
            return
        counted = Counter(item.status for item in items)
        words = ", ".join(f"{count} {status}" for status, count in counted.items())
        spot = request.mailbox, request.folder, request.uidvalidity

        def named() -> list[dict[str, Any]]:
            return [
                {"place": following.place(*spot, item.key), "status": item.status} for item in items
            ]

        log.info(
            "Slave %s: %s: %s", request.mailbox, request.folder, words,
            extra=following.told(request=id_, items=named),
        )  # fmt: skip

    def _grouped(self, things: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
        limits = self._link.limits
        return grouped(things, size, limits.batch_items, limits.batch_bytes)

    def _try_again(self, keys: Sequence[Key], after: float) -> None:
        self._put_off(keys, after)
        self.sent -= len(keys)

    def _put_off(self, keys: Sequence[Key], after: float) -> None:
        for key in keys:
            self._link.later.put_off(self._place, key, after)
        self.again.update(keys)


def _item(mail: Fetched, size: int) -> wire.Item:
    return wire.Item(
        key=mail.key,
        size=size,
        length=len(mail.body),
        outcome=str(mail.outcome),
        reason=mail.reason[:_MAX_REASON],
    )


def _pieces(body: bytes, limits: wire.Limits) -> Iterator[bytes]:
    for start in range(0, len(body), limits.part_bytes):
        yield body[start : start + limits.part_bytes]
