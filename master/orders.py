"""What the front and its workers say to each other, ahead of the frames of the wire."""

from typing import Literal

import msgspec


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """To a worker: carry out the request in the frames that follow.

    Without a request: see whether the API answers, look for a task of ours, end.
    """

    kind: Literal["work", "probe", "task", "stop"] = "work"
    #: The places of the items to take, when others take the rest of the push.
    only: tuple[int, ...] | None = None
    #: The places of items that must not be parsed again.
    raw: tuple[int, ...] = ()


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """From a worker: where it stands; the frames of the reply follow a `done`."""

    state: Literal["ready", "done"]
    status: Literal["ok", "retry", "error"] = "ok"
    #: Why the API could not be asked, where that is the reason of a retry.
    away: str = ""
    #: After a task: there may be another.
    more: bool = False


_ORDER = msgspec.msgpack.Decoder(Order)
_NOTE = msgspec.msgpack.Decoder(Note)

encode = msgspec.msgpack.Encoder().encode
decode_order = _ORDER.decode
decode_note = _NOTE.decode
