"""What goes out of the house: webhooks and their deliveries, alarms and their mails."""

import peewee

from .base import BaseModel, Json
from .house import Task


class Webhook(BaseModel):
    """An address that is told of events."""

    name = peewee.TextField()
    url = peewee.TextField()
    #: Signs what is sent, and so cannot be kept as a hash.
    secret = peewee.TextField()
    #: Kinds of events, or "source.*" for all that begin so; none: every kind.
    kinds = Json(default=[])
    #: Mailboxes, pages, scripts; none: every source.
    sources = Json(default=[])
    enabled = peewee.BooleanField(default=True)
    #: Why it was disabled, where nobody asked for it.
    disabled = peewee.TextField(default="")
    #: All events up to this one were looked at.
    event = peewee.BigIntegerField(default=0)
    #: Failures one after another, over all its deliveries, and whether that was told.
    failures = peewee.IntegerField(default=0)
    failing = peewee.BooleanField(default=False)
    last_error = peewee.TextField(default="")
    last_error_at = peewee.TextField(default="")
    last_delivered_at = peewee.TextField(default="")
    #: What a runner leases: one of them at a time sends to this address.
    task = peewee.ForeignKeyField(Task, null=True, index=False)
    #: Names the lease; "" while nobody has it.
    claim = peewee.TextField(default="")

    class Meta:
        table_name = "webhooks"


class WebhookDelivery(BaseModel):
    """An event on its way to a webhook."""

    webhook = peewee.ForeignKeyField(Webhook, index=False)
    event = peewee.BigIntegerField()
    kind = peewee.TextField()
    source = peewee.TextField(default="")
    #: due, delivered, failed.
    state = peewee.TextField(default="due")
    #: Since it was made, or last asked for again.
    attempts = peewee.IntegerField(default=0)
    #: Of the last try: the HTTP status, and what went wrong.
    status = peewee.IntegerField(null=True)
    error = peewee.TextField(default="")
    #: Not before; "" at once.
    next_try = peewee.TextField(default="")
    ended = peewee.TextField(default="")
    #: The very bytes that are sent, at every try the same.
    body = peewee.TextField()

    class Meta:
        table_name = "webhook_deliveries"
        indexes = ((("webhook", "event"), True), (("webhook", "id"), False))


#: Those that are over are many.
WebhookDelivery.add_index(
    WebhookDelivery.index(
        WebhookDelivery.webhook,
        WebhookDelivery.event,
        where=peewee.SQL("state = 'due'"),
        name="webhook_deliveries_due",
    )
)
WebhookDelivery.add_index(
    WebhookDelivery.index(
        WebhookDelivery.ended,
        where=peewee.SQL("state <> 'due'"),
        name="webhook_deliveries_over",
    )
)


class Alarm(BaseModel):
    """Something that somebody has to look at, from the event that told of it to its end."""

    #: What it is about, so that it opens once: "mailbox:work".
    subject = peewee.TextField()
    #: The kind of the event that opened it, or made it worse.
    kind = peewee.TextField()
    source = peewee.TextField(default="")
    about = Json(default={})
    #: The event that opened it.
    event = peewee.BigIntegerField()
    #: "" while it is open.
    ended = peewee.TextField(default="")
    acknowledged = peewee.TextField(default="")
    #: When a mail last told that it is open, and when one told its end.
    told = peewee.TextField(default="")
    told_end = peewee.TextField(default="")

    class Meta:
        table_name = "alarms"


Alarm.add_index(
    Alarm.index(Alarm.subject, unique=True, where=peewee.SQL("ended = ''"), name="alarms_open")
)


class AlarmMail(BaseModel):
    """A mail that tells of alarms: an outbox, each row the same at every try."""

    message_id = peewee.TextField(unique=True)
    #: due, sent.
    state = peewee.TextField(default="due")
    task = peewee.ForeignKeyField(Task, null=True, index=False)
    claim = peewee.TextField(default="")
    attempts = peewee.IntegerField(default=0)
    error = peewee.TextField(default="")
    next_try = peewee.TextField(default="")
    sent_at = peewee.TextField(default="")
    #: The alarms as they were (postroom.courier.ToldAlarm).
    content = Json(default={})

    class Meta:
        table_name = "alarm_mails"
