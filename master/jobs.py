"""A request in hand: who waits for it, in which portions it is worked on, how these make one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from postroom import following, wire
from postroom.sockets import Route

from . import strikes
from .orders import Order

#: Ways back that one request keeps; a peer that asks again and again has lost the older ones.
MOST_ROUTES = 16
Frames = Sequence[bytes | memoryview]


@dataclass(slots=True, eq=False)
class Portion:
    """What one worker gets at a time: a whole request, or some items of a push."""

    job: "Job"
    order: Order
    reply: wire.AnyReply | None = None

    def __str__(self) -> str:
        return f"a {type(self.job.request).__name__.upper()} of {self.job.source}"

    def named(self) -> dict[str, Any]:
        """What a line of the log names it by."""
        if not isinstance(self.job.request, wire.Push):
            return following.told(request=self.job.id)
        push = self.job.request
        spot = push.mailbox, push.folder, push.uidvalidity
        items = [{"place": following.place(*spot, item.key)} for item in self.items()]
        return following.told(request=self.job.id, items=items)

    def items(self) -> list[wire.Item]:
        """The items of a push that this portion has."""
        if not isinstance(self.job.request, wire.Push):
            return []
        items = self.job.request.items
        return items if self.order.only is None else [items[at] for at in self.order.only]

    def places(self) -> list[strikes.Place]:
        """What the items are known by."""
        request = self.job.request
        if not isinstance(request, wire.Push):
            return []
        return [strikes.place(request, item) for item in self.items()]


@dataclass(slots=True, eq=False)
class Job:
    """One request, however often it was sent."""

    id: str
    request: wire.AnyRequest
    frames: Frames
    routes: list[Route]
    portions: list[Portion] = field(default_factory=list)

    #: Bytes that came with it.
    size: int = 0

    def __post_init__(self) -> None:
        self.size = sum(map(len, self.frames))

    @property
    def weight(self) -> int:
        """Bytes that a worker must go through, those sent ahead included."""
        items = self.request.items if isinstance(self.request, wire.Push) else ()
        return self.size + sum(item.upload.size for item in items if item.upload)

    @property
    def source(self) -> str:
        """Whose turn it uses."""
        match self.request:
            case wire.Part(upload=upload):
                return f"part {upload}"
            case wire.OnPage(page=page):
                return f"page {page}"
            case wire.Pulse():
                return "pulse"
            case request:
                return f"mailbox {request.mailbox}"

    def join(self, route: Route) -> None:
        """One more way back."""
        if route not in self.routes:
            self.routes = [*self.routes[-MOST_ROUTES + 1 :], route]

    def given(self, portion: Portion) -> None:
        """A worker has it: a body that nobody else needs is let go."""
        if len(self.portions) == 1 and portion is self.portions[0]:
            self.frames = ()

    def split(self, known: strikes.Strikes) -> list[Portion]:
        """Cut it into portions: each item with a strike alone, the rest together."""
        self.portions = [Portion(self, order) for order in _orders(self.request, known)]
        return self.portions

    def merged(self) -> wire.AnyReply:
        """The one reply that the portions' replies make."""
        replies = [portion.reply for portion in self.portions]
        for reply in replies:
            if isinstance(reply, wire.Refusal):
                return reply
        retries = [reply for reply in replies if isinstance(reply, wire.Retry)]
        if len(retries) == len(replies):
            return max(retries, key=lambda retry: retry.after)
        found = {item.key: item for portion in self.portions for item in _answers(portion)}
        items = self.request.items if isinstance(self.request, wire.Push) else ()
        return wire.PushReply(items=[found[item.key] for item in items])


def _orders(request: wire.AnyRequest, known: strikes.Strikes) -> list[Order]:
    if not isinstance(request, wire.Push) or not known:
        return [Order()]
    counts = [known.count(strikes.place(request, item)) for item in request.items]
    rest = tuple(at for at, count in enumerate(counts) if not count)
    alone = [
        Order(only=(at,), raw=(at,) if count >= strikes.OUT else ())
        for at, count in enumerate(counts)
        if count
    ]
    if not alone:
        return [Order()]
    return [Order(only=rest), *alone] if rest else alone


def _answers(portion: Portion) -> list[wire.ItemReply]:
    match portion.reply:
        case wire.PushReply(items=items):
            return items
        case wire.Retry(after=after, reason=reason):
            return [
                wire.ItemReply(key=item.key, status="retry", after=after, reason=reason)
                for item in portion.items()
            ]
    return []
