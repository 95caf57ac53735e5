"""What is told of every source, be it a mailbox or a page: whether it lives, and how it fares."""

import peewee

from .base import BaseModel, now


class Source(BaseModel):
    """A source that somebody waits to hear of; see silence."""

    name = peewee.TextField(unique=True)
    #: Seconds between two signs of life.
    interval = peewee.FloatField(default=0.0)
    #: The last sign of life; "" for one that is configured and never came.
    seen = peewee.TextField(default=now)
    #: Why the source cannot be read at present; "" when it can.
    error = peewee.TextField(default="")
    #: new, ok, resting, failing, silent: the last two only once an event told of them.
    state = peewee.TextField(default="ok")
    #: Since when there is an error; "" when there is none.
    failed = peewee.TextField(default="")
    #: Kept when all is well again.
    last_error = peewee.TextField(default="")
    last_error_at = peewee.TextField(default="")
