"""A master and its API in one thread: a real ROUTER that speaks wire v1 and stores in memory."""

import threading
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple

import zmq

from postroom import wire
from postroom.headers import header_block, header_sha256
from postroom.wire import Key

#: The status of a mail that was stored once and is wanted again.
LOST = "lost"


class Place(NamedTuple):
    """Where a mail stands."""

    mailbox: str
    epoch: int
    folder: str
    uidvalidity: int
    generation: int
    key: Key


class Held(NamedTuple):
    status: str
    raw: bytes = b""
    size: int = 0
    reason: str = ""


class StubMaster:
    """`held` is the store, `requests` all that was asked; `before` is a test's way in.

    The thread replaces `held` and changes none: a test may go through it meanwhile.
    """

    def __init__(self, port: int = 0, limits: wire.Limits | None = None) -> None:
        self.limits = limits or wire.Limits()
        self.held: dict[Place, Held] = {}
        self.requests: list[Any] = []
        self.receipts: list[wire.Receipt] = []
        self.tasks: list[wire.Task] = []
        self.errors: list[str] = []
        #: What HELLO is told of the bytes of that day.
        self.today_bytes = 0
        self.downloaded: Counter[str] = Counter()
        #: Called before the usual answer; what it returns is answered instead.
        self.before: Callable[[wire.Envelope], Any] = lambda _: None
        self._accounts: dict[str, tuple[str, int]] = {}
        self._last_pass: dict[tuple[Any, ...], wire.Status] = {}
        self._windows: dict[str, list[Any]] = {}
        self._uploads: dict[str, bytearray] = {}
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.bind(f"tcp://127.0.0.1:{port or '*'}")
        self.address = str(self._socket.get_string(zmq.LAST_ENDPOINT))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close(0)
        self._context.term()

    def raws(self, mailbox: str = "work") -> list[bytes]:
        """What is stored, each content once."""
        return sorted({h.raw for p, h in self.held.items() if p.mailbox == mailbox and h.raw})

    def statuses(self) -> Counter[str]:
        return Counter(held.status for held in self.held.values())

    def forget_uploads(self) -> None:
        """As a spool that was emptied."""
        self._uploads.clear()

    def asked(self, kind: type) -> list[Any]:
        return [request for request in list(self.requests) if isinstance(request, kind)]

    def pushed(self) -> list[wire.Item]:
        return [item for push in self.asked(wire.Push) for item in push.items]

    def _serve(self) -> None:
        while not self._ended.is_set():
            if not self._socket.poll(50):
                continue
            *route, version, header, body = self._socket.recv_multipart()
            envelope = wire.decode_request([version, header, body])
            self.requests.append(envelope.request)
            reply = self.before(envelope) or self.answer(envelope)
            self._socket.send_multipart([*route, *wire.encode_reply(reply, envelope.id)])

    def answer(self, envelope: wire.Envelope) -> Any:
        """The usual answer."""
        match envelope.request:
            case wire.Hello() as hello:
                return self._hello(hello)
            case wire.Offer() as offer:
                return self._offer(offer)
            case wire.Push():
                return self._push(envelope)
            case wire.Part(upload=upload, offset=offset):
                spool = self._uploads.setdefault(upload, bytearray())
                if offset == len(spool):
                    spool += envelope.body
                return wire.PartReply(received=len(spool))
            case wire.Pass() as told:
                return self._pass(told)

    def _hello(self, hello: wire.Hello) -> wire.HelloReply:
        fingerprint, epoch = self._accounts.get(hello.mailbox, ("", 0))
        if fingerprint != hello.fingerprint:
            epoch += 1
        self._accounts[hello.mailbox] = (hello.fingerprint, epoch)
        return wire.HelloReply(
            epoch=epoch, storage="stub", limits=self.limits, today_bytes=self.today_bytes
        )

    def _offer(self, offer: wire.Offer) -> wire.OfferReply:
        latest = max((p.generation for p in self.held if _same(p, offer)), default=0)
        generation = latest if offer.generation is None else offer.generation
        if offer.renumbered is not None:
            generation = offer.renumbered + 1
        held = {
            p.key: h for p, h in self.held.items() if _same(p, offer) and p.generation == generation
        }
        last = max((key for key in held if isinstance(key, int)), default=0)
        if offer.window is None:
            told = self._last_pass.get(_folder(offer, generation))
            unchanged = told == offer.status and told.uidnext is not None
            return wire.OfferReply(generation=generation, last=last, unchanged=unchanged)
        for digest in offer.digests:
            self._match(offer, generation, digest, held)
        wanted = [
            key for key in offer.window.listed() if key not in held or held[key].status == LOST
        ]
        elder = any(p.folder == offer.folder and p.mailbox == offer.mailbox for p in self.held)
        return wire.OfferReply(
            wanted=sorted(wanted, reverse=True)[: wire.MAX_WANTED],
            generation=generation,
            last=last,
            rematch=bool(wanted) and not held and elder and not offer.digests,
            samples=_samples(held, offer.window),
            lowest=min(held, default=None),
        )

    def _match(
        self, offer: wire.Offer, generation: int, digest: wire.Digest, held: dict[Key, Held]
    ) -> None:
        twins = {
            p: h
            for p, h in self.held.items()
            if (p.mailbox, p.epoch, p.folder) == (offer.mailbox, offer.epoch, offer.folder)
            and (p.uidvalidity, p.generation) != (offer.uidvalidity, generation)
            and h.size == digest.size
            and header_sha256(header_block(h.raw)) == digest.header_sha256
        }
        if len(twins) == 1:
            held[digest.key] = twin = next(iter(twins.values()))
            self.held = {**self.held, _place(offer, generation, digest.key): twin}

    def _push(self, envelope: wire.Envelope) -> wire.PushReply:
        push = envelope.request
        assert isinstance(push, wire.Push)
        told, taken = [], {}
        for item, view in envelope.bodies():
            raw = bytes(view)
            if item.upload:
                raw = bytes(self._uploads.pop(item.upload.id, b""))
                assert len(raw) == item.upload.size
                assert sha256(raw).hexdigest() == item.upload.sha256
            status = item.outcome or "stored"
            place = _place(push, push.generation or 0, item.key)
            taken[place] = Held(status, raw, item.size, item.reason)
            if raw:
                self.downloaded[sha256(raw).hexdigest()] += 1
            told.append(wire.ItemReply(key=item.key, status=status))  # type: ignore[arg-type]
        self.held = {**self.held, **taken}
        return wire.PushReply(items=told)

    def _pass(self, told: wire.Pass) -> wire.PassReply:
        done = {task_id for task_id, _ in told.done}
        self.tasks = [task for task in self.tasks if task.id not in done]
        if told.error:
            self.errors.append(told.error)
        if told.window is None:
            return wire.PassReply(tasks=self.tasks)
        windows = self._windows.setdefault(told.window.pass_id, [])
        windows.append(told.window.window)
        if not told.window.last:
            return wire.PassReply()
        receipt = self._receipt(told, windows)
        self.receipts.append(receipt)
        if not receipt.missing:
            self._last_pass[_folder(told, told.generation or 0)] = told.window.status
        return wire.PassReply(receipt=receipt, tasks=self.tasks)

    def _receipt(self, told: wire.Pass, windows: list[Any]) -> wire.Receipt:
        keys = [key for window in windows for key in window.listed()]
        states = Counter(
            held.status if (held := self.held.get(_place(told, told.generation or 0, key)))
            else "missing"
            for key in keys
        )  # fmt: skip
        names = ("stored", "quarantined", "refused", "too_big", "missing", "gone")
        return wire.Receipt(
            listed=len(keys) - states["gone"], **{name: states[name] for name in names}
        )


def _samples(held: dict[Key, Held], window: wire.Window) -> list[wire.Sample]:
    listed = set(window.listed())
    chosen = sorted((key for key in held if key in listed and held[key].raw), reverse=True)[:4]
    return [
        wire.Sample(key=key, size=held[key].size, message_id=_message_id(held[key].raw))
        for key in chosen
    ]


def _message_id(raw: bytes) -> str:
    for line in header_block(raw).splitlines():
        if line.lower().startswith(b"message-id:"):
            return line.partition(b":")[2].strip().decode()
    return ""


def _same(place: Place, request: Any) -> bool:
    return place[:4] == (request.mailbox, request.epoch, request.folder, request.uidvalidity)


def _folder(request: Any, generation: int) -> tuple[Any, ...]:
    return (
        request.mailbox, request.epoch, request.folder, request.uidvalidity, generation,
    )  # fmt: skip


def _place(request: Any, generation: int, key: Key) -> Place:
    mailbox, epoch, folder, uidvalidity, _ = _folder(request, generation)
    return Place(mailbox, epoch, folder, uidvalidity, generation, key)
