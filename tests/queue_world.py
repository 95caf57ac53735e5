"""A queue of the front, and what comes out of it, for its tests."""

from typing import Any

from master.orders import Note
from master.queue import Limits, Queue
from postroom import wire

HELLO = wire.Hello(mailbox="work", kind="imap", fingerprint="f", interval=10, version="1")
DONE = Note(state="done")
PLACE: dict[str, Any] = {"epoch": 1, "folder": "INBOX", "uidvalidity": 7}


def offer(mailbox="work"):
    return wire.Offer(mailbox=mailbox, **PLACE)


def push(*keys, mailbox="work", size=1, serial=0):
    items = [wire.Item(key=key, length=size) for key in keys]
    return wire.Push(mailbox=mailbox, items=items, serial=serial, **PLACE)


def part(upload="0" * 32):
    return wire.Part(upload=upload, offset=0)


def stored(*keys):
    return wire.PushReply(items=[wire.ItemReply(key=key, status="stored") for key in keys])


class World:
    """A queue and what came out of it."""

    def __init__(self, **limits):
        self.now = 0.0
        self.queue = Queue(Limits(**limits), lambda: 0.5)
        self.answers = []
        #: (worker, order, frames), newest last.
        self.given = []
        self._held = {}

    def hire(self, *workers):
        for worker in workers:
            self.queue.idle(self.now, worker)
        return self._look()

    def ask(self, request, peer="peer"):
        body = [bytes(i.length) for i in request.items] if isinstance(request, wire.Push) else []
        body = [b"x"] if isinstance(request, wire.Part) else body
        frames = wire.encode_request(request, body)
        envelope = wire.decode_request(frames)
        self.queue.arrived(self.now, (peer.encode(), b""), envelope, frames)
        self._look()
        return envelope.id

    def finish(self, worker, reply, note=DONE):
        id_ = next(e.id for w, e in reversed(self._held[worker]) if w == worker)
        self.queue.finished(self.now, worker, note, wire.encode_reply(reply, id_))
        return self._look()

    def lose(self, worker, *, marked=True):
        self.queue.lost(self.now, worker, marked=marked)
        return self._look()

    def tick(self, seconds):
        self.now += seconds
        self.queue.tick(self.now)
        return self._look()

    def stop(self, how):
        getattr(self.queue, how)(self.now)
        return self._look()

    def replies(self, kind):
        return [(peer, wire.decode_reply(frames, kind)) for peer, frames in self.answers]

    def reply(self, kind=wire.PushReply):
        return wire.decode_reply(self.answers[-1][1], kind)

    def working(self):
        return [worker for worker, _, _ in self.given]

    def _look(self):
        answers, assignments = self.queue.take()
        self.answers += [(r[0].decode(), a.frames) for a in answers for r in a.routes]
        for worker, order, frames in assignments:
            self.given.append((worker, order, frames))
            if frames:
                held = self._held.setdefault(worker, [])
                held.append((worker, wire.decode_request(frames)))
        return self


def orders(world, since):
    return [order for _, order, _ in world.given[since:]]
