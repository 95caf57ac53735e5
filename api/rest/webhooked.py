"""What the API answers of webhooks and their deliveries, as types; see answers."""

from typing import Literal

from msgspec import UNSET, UnsetType

from .answers import Base

DeliveryState = Literal["due", "delivered", "failed"]


class Webhook(Base, frozen=True):
    """An address that is told of events; its secret is never shown here."""

    id: int
    name: str
    url: str
    #: Kinds of events, or `source.*` for all that begin so; none: every kind.
    kinds: list[str]
    #: Mailboxes, pages, scripts; none: every source.
    sources: list[str]
    enabled: bool
    #: Why it was disabled, where nobody asked for it.
    disabled: str
    state: Literal["ok", "failing", "disabled"]
    #: Deliveries that are due.
    waiting: int
    #: One after another.
    failures: int
    last_error: str
    last_error_at: str | None
    last_delivered_at: str | None
    created: str
    changed: str


class KeptWebhook(Webhook, frozen=True):
    """A webhook that was made or changed; with its secret, this once, where the API made that."""

    secret: str | UnsetType = UNSET


class Delivery(Base, frozen=True):
    """An event on its way to a webhook."""

    id: int
    event: int
    kind: str
    source: str
    state: DeliveryState
    attempts: int
    #: Of the last try: the HTTP status, and what went wrong.
    status: int | None
    error: str
    next_try: str | None
    ended: str | None
    created: str
    changed: str


class DeletedWebhook(Base, frozen=True):
    """A webhook that is gone, and how many deliveries with it."""

    id: int
    deliveries: int
