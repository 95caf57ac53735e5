"""A master of few lines for the tests of lanes: a real ROUTER and a function that answers."""

import threading
from collections.abc import Callable
from typing import Any

import zmq

from postroom import wire
from postroom.sockets import Frontend, ServerKeys

Answer = Callable[[wire.Envelope], wire.AnyReply | list[bytes] | None]


def stored(envelope: wire.Envelope) -> wire.AnyReply:
    """Say yes to everything."""
    match envelope.request:
        case wire.Push(items=items):
            return wire.PushReply(items=[wire.ItemReply(key=i.key, status="stored") for i in items])
        case wire.Part(offset=offset):
            return wire.PartReply(received=offset + len(envelope.body))
        case wire.Hello():
            return wire.HelloReply(epoch=1, storage="small")
        case wire.Offer():
            return wire.OfferReply()
    return wire.PassReply()


class SmallMaster:
    """`answer` may be changed at any time; None stays silent, frames go out as they are."""

    def __init__(
        self, port: int = 0, *, answer: Answer = stored, keys: ServerKeys | None = None
    ) -> None:
        self.answer = answer
        self.seen: list[wire.Envelope] = []
        self._stop = threading.Event()
        self._context: zmq.Context[Any] = zmq.Context()
        self._frontend = Frontend(self._context, "127.0.0.1", port, keys)
        self.address = self._frontend.address
        self.port = int(self.address.rpartition(":")[2])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> "SmallMaster":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._frontend.close(linger_ms=100)
        self._context.term()

    def look(self) -> None:
        self._frontend.look()

    @property
    def dropped(self) -> int:
        return self._frontend.dropped

    def ids(self) -> list[str]:
        return [envelope.id for envelope in self.seen]

    def _serve(self) -> None:
        while not self._stop.is_set():
            self._frontend.socket.poll(20)
            for message in self._frontend.receive():
                envelope = wire.decode_request(message.frames)
                self.seen.append(envelope)
                reply = self.answer(envelope)
                if isinstance(reply, list):
                    self._frontend.send(message.route, reply)
                elif reply:
                    self._frontend.send(message.route, wire.encode_reply(reply, envelope.id))
