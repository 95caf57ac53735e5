"""All requests, all replies, and which answers which."""

from .replies import (
    HelloReply,
    OfferReply,
    PartReply,
    PassReply,
    PushReply,
    Refusal,
    Reply,
    Retry,
)
from .requests import Hello, Offer, Part, Pass, Push, Request
from .watching import (
    Files,
    FilesReply,
    Links,
    LinksReply,
    Looked,
    LookedReply,
    Pulse,
    PulseReply,
)

AnyRequest = Hello | Offer | Push | Part | Pass | Links | Files | Looked | Pulse
AnyReply = (
    HelloReply
    | OfferReply
    | PushReply
    | PartReply
    | PassReply
    | LinksReply
    | FilesReply
    | LookedReply
    | PulseReply
    | Retry
    | Refusal
)
REPLY_TYPES: dict[type[Request], type[Reply]] = {
    Hello: HelloReply,
    Offer: OfferReply,
    Push: PushReply,
    Part: PartReply,
    Pass: PassReply,
    Links: LinksReply,
    Files: FilesReply,
    Looked: LookedReply,
    Pulse: PulseReply,
}
