"""Settings: webhooks and their deliveries; a secret is seen once, on the page that makes it."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from flask import Blueprint, Response, current_app, make_response, render_template, url_for

from ..models import Webhook, WebhookDelivery
from ..rest.paging import cursor
from ..rest.security import page
from ..telling import webhooks
from .forms import Form, done, shown
from .happened import KINDS
from .listing import SIZE, part
from .strings import t

blueprint = Blueprint("webhookpages", __name__, url_prefix="/settings/webhooks")
_FIELDS = {"bad_url": "url"}
_NAMES = ("url", "name", "kinds", "sources")
T = TypeVar("T")


@blueprint.get("")
@page("admin")
def listed() -> Response:
    """All webhooks."""
    return make_response(render_template("webhooks.html", form=Form(), **_listed()))


@blueprint.post("")
@page("admin")
def add() -> Response:
    """Make a webhook; this answer alone shows the secret that was made for it."""
    form, made = Form(), None
    told = _told(form, webhooks.NewWebhook)
    if told is not None:
        with form.blaming(_FIELDS):
            made = webhooks.create(current_app.config["DATABASE"], told)
    if made is None:
        return shown("webhooks.html", form, **_listed())
    hook, secret = made
    return _one(hook.id, form, secret)


@blueprint.get("/<int:id_>")
@page("admin")
def one(id_: int) -> Response:
    """One webhook with its deliveries, newest first."""
    return _one(id_, Form())


@blueprint.post("/<int:id_>")
@page("admin")
def change(id_: int) -> Response:
    """Change a webhook; a new secret is shown by this answer alone."""
    form = Form()
    renew: dict[str, Any] = {"secret": None} if form["renew"] else {}
    told, secret = _told(form, webhooks.ChangeWebhook, **renew), ""
    if told is not None:
        with form.blaming(_FIELDS):
            _, secret = webhooks.change(current_app.config["DATABASE"], id_, told)
    if not form.is_fine or secret:
        return _one(id_, form, secret)
    return done(url_for("webhookpages.one", id_=id_), "done.webhook_changed")


@blueprint.post("/<int:id_>/enable")
@page("admin")
def enable(id_: int) -> Response:
    """Let it be told of what happens from now on."""
    return _switch(id_, "done.webhook_enabled", enabled=True)


@blueprint.post("/<int:id_>/disable")
@page("admin")
def disable(id_: int) -> Response:
    """Tell it of nothing."""
    return _switch(id_, "done.webhook_disabled", enabled=False)


@blueprint.post("/<int:id_>/test")
@page("admin")
def try_out(id_: int) -> Response:
    """Send it an event of the kind webhook.test."""
    return _asked(id_, "done.webhook_tested", lambda db: webhooks.try_out(db, id_))


@blueprint.post("/<int:id_>/deliveries/<int:number>/redeliver")
@page("admin")
def redeliver(id_: int, number: int) -> Response:
    """Send an event again."""
    return _asked(id_, "done.redelivered", lambda db: webhooks.redeliver(db, id_, number))


@blueprint.post("/<int:id_>/delete")
@page("admin")
def delete(id_: int) -> Response:
    """Delete it with its deliveries, once that was confirmed."""
    form = Form()
    if not form["sure"]:
        form.refuse("webhook", t("webhooks.not_sure"))
        return _one(id_, form)
    webhooks.delete(current_app.config["DATABASE"], id_)
    return done(url_for("webhookpages.listed"), "done.webhook_deleted")


def _switch(id_: int, message: str, *, enabled: bool) -> Response:
    told = webhooks.ChangeWebhook(enabled=enabled)
    webhooks.change(current_app.config["DATABASE"], id_, told)
    return done(url_for("webhookpages.one", id_=id_), message)


def _asked(id_: int, message: str, ask: Callable[[Any], Any]) -> Response:
    form = Form()
    with form.blaming({"webhook_disabled": "webhook"}):
        ask(current_app.config["DATABASE"])
    return _one(id_, form) if form.errors else done(url_for("webhookpages.one", id_=id_), message)


def _told(form: Form, kind: type[T], **more: Any) -> T | None:
    """What the form says, as the routes take it; None where something is wrong with a field."""
    sent: dict[str, Any] = {name: form[name].strip() for name in ("url", "name")}
    for name in ("kinds", "sources"):
        sent[name] = [each.strip() for each in form[name].split(",") if each.strip()]
    try:
        return msgspec.convert({**sent, **more}, kind)
    except msgspec.ValidationError as e:
        reason, _, place = str(e).partition(" - at `$.")
        found = re.match(r"\w+", place)
        form.refuse(found[0] if found and found[0] in _NAMES else "url", reason)
        return None


def _listed() -> dict[str, Any]:
    hooks = list(Webhook.select().order_by(Webhook.id))
    return {
        "webhooks": hooks,
        "waiting": webhooks.waiting([hook.id for hook in hooks]),
        "kinds": KINDS,
    }


def _one(id_: int, form: Form, secret: str = "") -> Response:
    hook, after = webhooks.found(id_), cursor(int)
    found = WebhookDelivery.select().where(WebhookDelivery.webhook == id_)
    if after:
        found = found.where(WebhookDelivery.id < after[0])
    rows = list(found.order_by(WebhookDelivery.id.desc()).limit(SIZE + 1))
    here = url_for("webhookpages.one", id_=id_)
    some = part(rows, lambda delivery: [delivery.id], path=here)
    return shown(
        "webhook.html",
        form,
        hook=hook,
        secret=secret,
        deliveries=some.rows,
        kinds=KINDS,
        part=some,
    )
