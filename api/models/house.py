"""What the house keeps beside what it stores: events, tasks, keys, facts."""

import peewee

from .base import BaseModel, Json


class Event(BaseModel):
    """Something that happened, told once, in the transaction that made it true."""

    kind = peewee.TextField()
    #: The mailbox, page or script.
    source = peewee.TextField(default="")
    about = Json(default={})

    class Meta:
        table_name = "events"


class Task(BaseModel):
    """Something a daemon shall do."""

    kind = peewee.TextField()
    #: The mailbox, page or script that it concerns.
    source = peewee.TextField()
    target = Json(default={})
    #: due, leased, done.
    state = peewee.TextField(default="due")
    #: Not to be given out before; "" at once.
    due = peewee.TextField(default="")
    lease_until = peewee.TextField(default="")
    #: Who holds the lease; "" for what a source was given with its PASS.
    worker = peewee.TextField(default="")
    #: How often it was given out.
    attempts = peewee.IntegerField(default=0)
    result = peewee.TextField(default="")

    class Meta:
        table_name = "tasks"
        indexes = ((("source", "state"), False),)


# Those that are done only grow in number.
Task.add_index(Task.index(Task.kind, where=peewee.SQL("state <> 'done'"), name="tasks_open"))


class Token(BaseModel):
    """A key to the API; only its hash is kept."""

    name = peewee.TextField(unique=True)
    sha256 = peewee.TextField(unique=True)
    #: read, ingest, operate, run, admin; admin includes the others.
    scopes = Json(default=[])

    class Meta:
        table_name = "tokens"


class User(BaseModel):
    """Somebody who signs in; only a hash of the password is kept."""

    name = peewee.TextField(unique=True)
    password = peewee.TextField()
    #: reader, operator, admin.
    role = peewee.TextField()

    class Meta:
        table_name = "users"


class Session(BaseModel):
    """A browser that is signed in, by a user or by a token; only the hash of its cookie is kept."""

    sha256 = peewee.TextField(unique=True)
    user = peewee.ForeignKeyField(User, null=True, on_delete="CASCADE")
    token = peewee.ForeignKeyField(Token, null=True, on_delete="CASCADE")
    expires = peewee.TextField()

    class Meta:
        table_name = "sessions"


class Store(BaseModel):
    """An object store as it was when we last relied on it."""

    store = peewee.TextField()
    #: What rows find in it: mails or files.
    holds = peewee.TextField(default="mails")
    #: The number of its last commit that a row here relies on.
    batch = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "stores"
        indexes = ((("store", "holds"), True),)


class Fact(BaseModel):
    """A fact about this database: its schema's version, its feed's epoch."""

    name = peewee.TextField(unique=True)
    value = peewee.TextField()

    class Meta:
        table_name = "facts"
