"""What a runner and the API say to each other of webhooks and alarm mails."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .runs import Claim, Lease, Line, Worker

#: Deliveries of one claim.
MAX_DELIVERIES = 20
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Outcome = Literal["delivered", "failed", "returned"]


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A body or an answer."""


class ClaimWebhook(Base, frozen=True, kw_only=True):
    """A runner asks for a webhook that has something to be sent."""

    worker: Worker
    lease_seconds: Lease = 60.0


class ClaimedDelivery(Base, frozen=True, kw_only=True):
    """What is to be sent, in this order."""

    id: int
    event: int
    kind: str
    attempt: int
    body: str


class ClaimedWebhook(Base, frozen=True, kw_only=True):
    """A webhook that this runner alone sends to, as long as the lease lasts."""

    webhook: int
    claim: str
    name: str
    url: str
    secret: str
    deliveries: list[ClaimedDelivery]

    def __repr__(self) -> str:
        # Neither the secret nor the address, which may hold one, must get into a log.
        return f"ClaimedWebhook(webhook={self.webhook}, deliveries={len(self.deliveries)})"


class ClaimedWebhooks(Base, frozen=True, kw_only=True):
    """One, or none."""

    webhooks: list[ClaimedWebhook] = []


class RenewWebhook(Base, frozen=True, kw_only=True):
    """The runner is still at it."""

    claim: Claim
    lease_seconds: Lease = 60.0


class TellDelivery(Base, frozen=True, kw_only=True):
    """What came of one delivery; `last`: the runner lets the webhook go."""

    claim: Claim
    outcome: Outcome
    status: Annotated[int, Meta(ge=100, le=999)] | None = None
    error: Line = ""
    #: What the receiver asked for.
    after_seconds: Seconds = 0.0
    last: bool = False
    lease_seconds: Lease = 60.0


class ToldDelivery(Base, frozen=True, kw_only=True):
    """`stop`: nothing more is to be sent under this claim."""

    stop: bool


class ToldAlarm(Base, frozen=True, kw_only=True):
    """An alarm as a mail tells of it."""

    id: int
    kind: str
    source: str
    #: In words, without any secret.
    text: str = ""
    since: str
    ended: str = ""


class ClaimLetter(Base, frozen=True, kw_only=True):
    """A runner asks for a mail of alarms; mail servers may be slow, and nobody renews the lease."""

    worker: Worker
    lease_seconds: Annotated[float, Meta(ge=1, le=3_600)] = 900.0


class AlarmLetter(Base, frozen=True, kw_only=True):
    """All that one mail tells."""

    opened: list[ToldAlarm] = []
    recovered: list[ToldAlarm] = []
    still_open: list[ToldAlarm] = []
    #: How many more there are that are not listed.
    more: int = 0


class ClaimedLetter(AlarmLetter, frozen=True, kw_only=True):
    """A mail that is leased to a runner, under the Message-ID that it has at every try."""

    mail: int
    claim: str
    message_id: str
    created: str


class ClaimedLetters(Base, frozen=True, kw_only=True):
    """One, or none."""

    mails: list[ClaimedLetter] = []


class TellLetter(Base, frozen=True, kw_only=True):
    """Whether the mail went out."""

    claim: Claim
    sent: bool
    error: Line = ""
    after_seconds: Seconds = 0.0


class LetterTold(Base, frozen=True, kw_only=True):
    """The mail's state now."""

    mail: int
    state: Literal["due", "sent"]
