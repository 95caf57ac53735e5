"""Webhooks as admins keep them: who is told of what, tried out, told again."""

import secrets
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
import peewee
from msgspec import UNSET, Meta, UnsetType

from postroom.errors import RefusedError

from .. import tasks
from ..database import Database
from ..log import events
from ..models import Event, Task, Webhook, WebhookDelivery, now
from . import webhookfill

TASK = "webhook"
PREFIX = "whsec_"

_Kind = Annotated[str, Meta(max_length=100, pattern=r"^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)\Z")]
_Kinds = Annotated[list[_Kind], Meta(max_length=100)]
_Sources = Annotated[list[Annotated[str, Meta(max_length=255)]], Meta(max_length=100)]
_Url = Annotated[str, Meta(min_length=1, max_length=2_000)]
_Name = Annotated[str, Meta(max_length=255)]
#: Short ones can be guessed.
_Secret = Annotated[str, Meta(min_length=16, max_length=255)]


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook as somebody wants it."""

    url: _Url
    #: "": the host of the address.
    name: _Name = ""
    kinds: _Kinds = []
    sources: _Sources = []
    enabled: bool = True
    #: Without one the API makes it.
    secret: _Secret | None = None


class ChangeWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be another way; what is not named stays."""

    url: _Url | UnsetType = UNSET
    name: _Name | UnsetType = UNSET
    kinds: _Kinds | UnsetType = UNSET
    sources: _Sources | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    #: null: the API makes a new one.
    secret: _Secret | UnsetType | None = UNSET


def create(db: Database, told: NewWebhook) -> tuple[Any, str]:
    """Make a webhook, to be told of what happens from now on; its secret where the API made it."""
    made = "" if told.secret else _new_secret()
    host = _host(told.url)
    with db.writing():
        hook = Webhook.create(
            name=told.name or host,
            url=told.url,
            secret=told.secret or made,
            kinds=told.kinds,
            sources=told.sources,
            enabled=told.enabled,
            event=webhookfill.last_event(),
        )
        # Two are never one and the same, whatever they are called.
        (task,) = tasks.add_new(TASK, hook.name, [{"webhook": hook.id}])
        hook.task = task
        hook.save()
    return hook, made


def change(db: Database, id_: int, told: ChangeWebhook) -> tuple[Any, str]:
    """Change a webhook; its new secret where the API made one."""
    made = _new_secret() if told.secret is None else ""
    with db.writing():
        hook = found(id_)
        if told.url is not UNSET:
            _host(told.url)
        for name in ("url", "name", "kinds", "sources"):
            if (value := getattr(told, name)) is not UNSET:
                setattr(hook, name, value)
        hook.name = hook.name or _host(hook.url)
        if told.secret is not UNSET:
            hook.secret = told.secret or made
        if told.enabled is not UNSET and told.enabled != hook.enabled:
            _switch(hook, enabled=told.enabled)
        hook.changed = now()
        hook.save()
        hurry(hook)
    return hook, made


def _switch(hook: Any, *, enabled: bool) -> None:
    hook.enabled, hook.disabled = enabled, ""
    if enabled:
        # What happened meanwhile is not made up for: it is in the log.
        hook.event, hook.failures, hook.failing = webhookfill.last_event(), 0, False
        events.tell("webhook.enabled", hook.name, webhook=hook.id)


def delete(db: Database, id_: int) -> int:
    """Delete a webhook with its deliveries; how many those are."""
    with db.writing():
        hook = found(id_)
        gone: int = WebhookDelivery.delete().where(WebhookDelivery.webhook == id_).execute()
        hook.delete_instance()
        Task.delete().where(Task.id == hook.task_id).execute()
        events.tell("webhook.deleted", hook.name, webhook=id_)
    return gone


def try_out(db: Database, id_: int) -> Any:
    """Send an event of the kind webhook.test, whatever the webhook's filters; the delivery."""
    with db.writing():
        hook = _switched_on(id_)
        events.tell("webhook.test", hook.name, webhook=id_)
        event = Event.get_by_id(webhookfill.last_event())
        webhookfill.add(hook, [event])
        hurry(hook)
        return WebhookDelivery.get(
            WebhookDelivery.webhook == id_, WebhookDelivery.event == event.id
        )


def redeliver(db: Database, id_: int, delivery_id: int) -> Any:
    """Send an event again, under its old id; the delivery."""
    with db.writing():
        hook = _switched_on(id_)
        delivery = WebhookDelivery.get_or_none(
            WebhookDelivery.webhook == id_, WebhookDelivery.id == delivery_id
        )
        if delivery is None:
            raise RefusedError("not_found", f"webhook {id_} has no delivery {delivery_id}")
        delivery.state, delivery.attempts = "due", 0
        delivery.next_try = delivery.ended = ""
        delivery.changed = now()
        delivery.save()
        hurry(hook)
    return delivery


def hurry(hook: Any) -> None:
    """Let it rest no longer; call it inside a write transaction."""
    Task.update(due=now()).where(Task.id == hook.task_id, Task.state == "due").execute()


def found(id_: int) -> Any:
    """A webhook; RefusedError when there is none."""
    hook = Webhook.get_or_none(Webhook.id == id_)
    if hook is None:
        raise RefusedError("not_found", f"there is no webhook {id_}")
    return hook


def waiting(ids: list[int]) -> dict[int, int]:
    """How many deliveries of each are due."""
    due = (
        WebhookDelivery.select(WebhookDelivery.webhook, peewee.fn.COUNT(WebhookDelivery.id))
        .where(WebhookDelivery.webhook.in_(ids), webhookfill.IS_DUE)
        .group_by(WebhookDelivery.webhook)
    )
    return dict(due.tuples())


def _switched_on(id_: int) -> Any:
    hook = found(id_)
    if not hook.enabled:
        raise RefusedError("webhook_disabled", f"webhook {id_} is disabled: enable it first")
    return hook


def _new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _host(url: str) -> str:
    """The host of an address; RefusedError unless a webhook can be sent there."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as e:
        raise RefusedError("bad_url", "url: no http or https address") from e
    if parts.scheme not in ("http", "https") or not host or port == 0 or not url.isascii():
        raise RefusedError("bad_url", "url: expected https://HOST/PATH, in ASCII")
    if any(character <= " " or character == "\x7f" for character in url):
        raise RefusedError("bad_url", "url: blanks and controls are written as %20")
    if parts.username is not None or parts.fragment:
        raise RefusedError(
            "bad_url", "url: neither a name and password nor a fragment may stand in it: "
            "the signature says who sends"
        )  # fmt: skip
    return host
