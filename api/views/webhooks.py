"""/v1/webhooks: who is told of events, what came of it; and what runners say of it."""

from typing import Any, get_args

from flask import Blueprint, Response, current_app, request

from postroom.courier import (
    ClaimedWebhooks,
    ClaimWebhook,
    RenewWebhook,
    TellDelivery,
    ToldDelivery,
)
from postroom.errors import RefusedError

from ..models import Webhook, WebhookDelivery
from ..rest import fields
from ..rest.asked import Empty
from ..rest.bodies import answer, body_as
from ..rest.contracts import Answer, Parameter, contract, lists, shows
from ..rest.paging import cursor, each, limit, page
from ..rest.security import scope
from ..rest.webhooked import DeletedWebhook, Delivery, DeliveryState, KeptWebhook
from ..rest.webhooked import Webhook as ShownWebhook
from ..telling import courier, webhooks

blueprint = Blueprint("webhooks", __name__, url_prefix="/v1/webhooks")
STATE = Parameter("state", "Only deliveries in this state.", DeliveryState, error="bad_state")
DISABLED = ("webhook_disabled",)


@blueprint.get("")
@scope("admin")
@lists(ShownWebhook)
def list_webhooks() -> Response:
    """All webhooks, the oldest first; never a secret."""
    after, size = cursor(int), limit()
    found = Webhook.select().order_by(Webhook.id)
    if after:
        found = found.where(Webhook.id > after[0])
    return answer(page(list(found.limit(size + 1)), size, _shown, lambda w: [w.id]))


@blueprint.post("")
@contract(answers=Answer(KeptWebhook, 201), body=webhooks.NewWebhook, errors=("bad_url",))
def create() -> Response:
    """Make a webhook; the secret that the API makes for it is shown this once."""
    told = body_as(webhooks.NewWebhook)
    return _kept(*webhooks.create(current_app.config["DATABASE"], told), status=201)


@blueprint.get("/<int:id_>")
@scope("admin")
@shows(ShownWebhook)
def one_webhook(id_: int) -> Response:
    """One webhook."""
    return fields.one(_shown([webhooks.found(id_)])[0])


@blueprint.put("/<int:id_>")
@contract(answers=Answer(KeptWebhook), body=webhooks.ChangeWebhook, errors=("bad_url",))
def change(id_: int) -> Response:
    """Change a webhook; what is not named stays."""
    told = body_as(webhooks.ChangeWebhook)
    return _kept(*webhooks.change(current_app.config["DATABASE"], id_, told))


@blueprint.delete("/<int:id_>")
@contract(answers=Answer(DeletedWebhook), body=Empty)
def delete(id_: int) -> Response:
    """Delete a webhook and all its deliveries."""
    gone = webhooks.delete(current_app.config["DATABASE"], id_)
    return answer(DeletedWebhook(id=id_, deliveries=gone))


@blueprint.post("/<int:id_>/test")
@contract(answers=Answer(Delivery, 201), body=Empty, errors=DISABLED)
def try_out(id_: int) -> Response:
    """Send an event of the kind `webhook.test`, whatever the filters."""
    return answer(_delivery(webhooks.try_out(current_app.config["DATABASE"], id_)), 201)


@blueprint.get("/<int:id_>/deliveries")
@scope("admin")
@lists(Delivery, STATE, errors=("not_found",))
def list_deliveries(id_: int) -> Response:
    """What was sent to a webhook, or is to be, newest first."""
    webhooks.found(id_)
    after, size, state = cursor(int), limit(), request.args.get("state")
    found = WebhookDelivery.select().where(WebhookDelivery.webhook == id_)
    if state is not None:
        states = get_args(DeliveryState)
        if state not in states:
            raise RefusedError("bad_state", f"state is one of {', '.join(states)}, not {state!r}")
        found = found.where(WebhookDelivery.state == state)
    if after:
        found = found.where(WebhookDelivery.id < after[0])
    rows = list(found.order_by(WebhookDelivery.id.desc()).limit(size + 1))
    return answer(page(rows, size, each(_delivery), lambda d: [d.id]))


@blueprint.post("/<int:id_>/deliveries/<int:number>/redeliver")
@contract(answers=Answer(Delivery), body=Empty, errors=DISABLED)
def redeliver(id_: int, number: int) -> Response:
    """Send an event again, under the same id."""
    return answer(_delivery(webhooks.redeliver(current_app.config["DATABASE"], id_, number)))


@blueprint.post("/claim")
@scope("run")
@contract(answers=Answer(ClaimedWebhooks), body=ClaimWebhook)
def claim() -> Response:
    """Give out a webhook that has something to be sent, for a time."""
    return answer(courier.claim(current_app.config["DATABASE"], body_as(ClaimWebhook)))


@blueprint.post("/<int:id_>/renew")
@scope("run")
@contract(answers=Answer(ToldDelivery), body=RenewWebhook, errors=("lease_lost",))
def renew(id_: int) -> Response:
    """The runner is still at it."""
    return answer(courier.renew(current_app.config["DATABASE"], id_, body_as(RenewWebhook)))


@blueprint.post("/<int:id_>/deliveries/<int:number>/tell")
@scope("run")
@contract(answers=Answer(ToldDelivery), body=TellDelivery, errors=("lease_lost",))
def tell(id_: int, number: int) -> Response:
    """What came of a delivery."""
    told = body_as(TellDelivery)
    return answer(courier.tell(current_app.config["DATABASE"], id_, number, told))


def _kept(hook: Webhook, secret: str, status: int = 200) -> Response:
    shown = {name: getattr(_shown([hook])[0], name) for name in ShownWebhook.__struct_fields__}
    if secret:
        shown["secret"] = secret
    return answer(KeptWebhook(**shown), status)


def _shown(hooks: Any) -> list[ShownWebhook]:
    waiting = webhooks.waiting([hook.id for hook in hooks])
    return [
        ShownWebhook(
            id=hook.id,
            name=hook.name,
            url=hook.url,
            kinds=hook.kinds,
            sources=hook.sources,
            enabled=hook.enabled,
            disabled=hook.disabled,
            state="disabled" if not hook.enabled else "failing" if hook.failing else "ok",
            waiting=waiting.get(hook.id, 0),
            failures=hook.failures,
            last_error=hook.last_error,
            last_error_at=hook.last_error_at or None,
            last_delivered_at=hook.last_delivered_at or None,
            created=hook.created,
            changed=hook.changed,
        )
        for hook in hooks
    ]


def _delivery(row: WebhookDelivery) -> Delivery:
    return Delivery(
        id=row.id,
        event=row.event,
        kind=row.kind,
        source=row.source,
        state=row.state,
        attempts=row.attempts,
        status=row.status,
        error=row.error,
        next_try=row.next_try or None,
        ended=row.ended or None,
        created=row.created,
        changed=row.changed,
    )
