"""The straight line of a request through a worker: keep, parse, deliver, answer."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from postroom import records, wire
from postroom.api_client import ApiClient
from postroom.errors import TemporaryError
from postroom.storage import Storage

from . import parsers, told
from .intake import Intake, Kept
from .orders import Order
from .outage import asking_api
from .sinks import Batch, Delivery, Sink, Verdict
from .spool import Spool

log = logging.getLogger(__name__)

TWICE = "killed or hung its worker twice"
_STAGES = {"refused": "fetch", "gone": "fetch", "too_big": "size"}
MAX_REASON = 500

Parse = Callable[[bytes], records.Mail]
#: What an item has come to: something to deliver, or an answer already.
Step = Delivery | wire.ItemReply


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Every method raises TemporaryError or RefusedError for what concerns the whole request."""

    api: ApiClient
    storage: Storage
    sinks: Sequence[Sink]
    spool: Spool
    parse: Parse
    limits: wire.Limits

    def answer(
        self, envelope: wire.Envelope, order: Order, parsed: Callable[[], object]
    ) -> wire.AnyReply:
        """Carry out a request; `parsed` is called when its items can do no more harm."""
        match envelope.request:
            case wire.Push() as push:
                return self._push(push, envelope, order, parsed)
            case wire.Part(upload=upload, offset=offset):
                return wire.PartReply(received=self.spool.put(upload, offset, envelope.body))
            case wire.Hello() as hello:
                self.spool.sweep()
                return self._hello(hello)
            case wire.Offer() as offer:
                with asking_api():
                    return self.api.offer(offer)
            case wire.Links() | wire.Files() | wire.Looked() | wire.Pulse() as watching:
                return self._watching(watching)
            case wire.Pass() as end:
                with asking_api():
                    reply = self.api.finish(end)
                told.passed(end, reply)
                return reply

    def _watching(
        self, request: wire.Links | wire.Files | wire.Looked | wire.Pulse
    ) -> wire.AnyReply:
        """Of watched pages the API knows all; their files never come this way."""
        with asking_api():
            match request:
                case wire.Links():
                    return self.api.links(request)
                case wire.Files():
                    answer = self.api.files(request)
                    told.brought(request.page, answer.items)
                    return answer
                case wire.Looked():
                    reply = self.api.looked(request)
                    told.looked(request, reply)
                    return reply
                case wire.Pulse():
                    return self.api.pulse(request)

    def probe(self) -> None:
        """Return when the API answers."""
        with asking_api():
            self.api.health()

    def _hello(self, hello: wire.Hello) -> wire.HelloReply:
        with asking_api():
            reply = self.api.hello(hello, self.storage.id)
        return msgspec.structs.replace(reply, limits=self.limits)

    def _push(
        self,
        push: wire.Push,
        envelope: wire.Envelope,
        order: Order,
        parsed: Callable[[], object],
    ) -> wire.PushReply:
        taken = [
            (at, item, body)
            for at, (item, body) in enumerate(envelope.bodies())
            if order.only is None or at in order.only
        ]
        intake = Intake(self.storage, self.spool)
        with_bytes = [(at, item, body) for at, item, body in taken if self._has_bytes(item)]
        kept, number = intake.take((item, body) for _, item, body in with_bytes)
        by_place = dict(zip((at for at, _, _ in with_bytes), kept, strict=True))
        steps: list[Step] = []
        for at, item, _ in taken:
            found = by_place.get(at)
            if found is None:
                steps.append(self._without_bytes(push, item))
            elif isinstance(found, wire.ItemReply):
                steps.append(found)
            else:
                steps.append(self._with_bytes(push, found, intake, raw_only=at in order.raw))
        parsed()
        replies = self._deliver(push, [item for _, item, _ in taken], steps, number)
        for reply, (_, item, _) in zip(replies, taken, strict=True):
            if reply.status != "retry":
                intake.done(item)
        return wire.PushReply(items=replies)

    def _has_bytes(self, item: wire.Item) -> bool:
        size = item.upload.size if item.upload else item.length
        return not item.outcome and size <= self.limits.mail_bytes

    def _without_bytes(self, push: wire.Push, item: wire.Item) -> Delivery:
        outcome = item.outcome or "too_big"
        reason = item.reason or (f"over {self.limits.mail_bytes} bytes" if not item.outcome else "")
        return Delivery(
            **_place(push, item), outcome=outcome, stage=_STAGES[outcome], reason=reason
        )

    def _with_bytes(
        self, push: wire.Push, kept: Kept, intake: Intake, *, raw_only: bool
    ) -> Delivery:
        mail, reason = None, TWICE
        if not raw_only:
            mail, reason = self._parsed(push, kept, intake)
        return Delivery(
            **_place(push, kept.item),
            outcome="" if mail else "quarantined",
            stage="" if mail else "parse",
            reason=reason,
            sha256=kept.sha256,
            size=kept.size,
            header_sha256=kept.header_sha256,
            mail=mail,
            parser=parsers.PARSER_VERSION,
        )

    def _parsed(
        self, push: wire.Push, kept: Kept, intake: Intake
    ) -> tuple[records.Mail | None, str]:
        # Outside: a spool that cannot be read is no fault of the mail.
        raw = intake.raw(kept)
        try:
            return self.parse(raw), ""
        except (TemporaryError, MemoryError):
            raise
        except Exception as e:
            # A parser is code of others and of tomorrow: no mail of theirs stops the rest.
            log.exception("%s: item %s cannot be parsed", push.mailbox, kept.item.key)
            return None, f"{type(e).__name__}: {e}"[:MAX_REASON]

    def _deliver(
        self, push: wire.Push, items: Sequence[wire.Item], steps: Sequence[Step], number: int
    ) -> list[wire.ItemReply]:
        deliveries = [step for step in steps if isinstance(step, Delivery)]
        batch = Batch(deliveries, self.storage.id, number, self.storage.url)
        verdicts: Sequence[Verdict] = ()
        if deliveries:
            for sink in self.sinks:
                verdicts = sink.deliver(batch)
        told.filed(push.mailbox, list(zip(deliveries, verdicts, strict=True)))
        answers = iter(verdicts)
        return [
            step if isinstance(step, wire.ItemReply) else _reply(item.key, next(answers))
            for item, step in zip(items, steps, strict=True)
        ]


def _place(push: wire.Push, item: wire.Item) -> dict[str, Any]:
    return {
        "mailbox": push.mailbox,
        "epoch": push.epoch,
        "folder": push.folder,
        "uidvalidity": push.uidvalidity,
        "generation": push.generation,
        "key": item.key,
        "server_size": item.size,
    }


def _reply(key: wire.Key, verdict: Verdict) -> wire.ItemReply:
    return msgspec.convert(
        {
            "key": key,
            "status": verdict.status,
            "after": verdict.after,
            "reason": verdict.reason[:MAX_REASON],
        },
        wire.ItemReply,
    )
