"""Mailboxes, and the mails that stand in them."""

import peewee

from .base import BaseModel, Json, Number, database
from .source import Source


class Mailbox(Source):
    """A source of mail (the seed's data_providers)."""

    kind = peewee.TextField(default="")
    fingerprint = peewee.TextField(default="")
    #: Rises when another account comes under the same name.
    epoch = peewee.IntegerField(default=1)
    #: The highest UID held, a hint; never a water mark.
    last_number = peewee.BigIntegerField(default=0)
    #: When the source is tried again, as it says.
    next_try = peewee.TextField(default="")
    #: The last day (UTC) that brought mail, and how many bytes.
    day = peewee.TextField(default="")
    day_bytes = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "mailboxes"


class Folder(BaseModel):
    """One numbering of items: a folder under one UIDVALIDITY, as often as it was given anew."""

    mailbox = peewee.ForeignKeyField(Mailbox, backref="folders", index=False)
    epoch = peewee.IntegerField()
    name = peewee.TextField()
    uidvalidity = peewee.BigIntegerField()
    generation = peewee.IntegerField(default=0)
    last_number = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "folders"
        indexes = ((("mailbox", "epoch", "name", "uidvalidity", "generation"), True),)


class Mail(BaseModel):
    """One content, however many places it stands in (the seed's data)."""

    sha256 = peewee.TextField(unique=True)
    #: Bytes of the raw mail; 0 where only the record was given.
    size = peewee.BigIntegerField(default=0)
    has_raw = peewee.BooleanField(default=True)
    #: parsed, quarantined, or purged: only its hashes and its Message-ID are left.
    state = peewee.TextField(default="parsed")
    header_sha256 = peewee.TextField(default="")
    #: The mail's own date, else the time it came: what lists are sorted by.
    date = peewee.TextField()
    subject = peewee.TextField(default="")
    from_name = peewee.TextField(default="")
    from_address = peewee.TextField(default="")
    message_id = peewee.TextField(default="")
    attachment_count = peewee.IntegerField(default=0)
    defects = Json(default=[])
    #: Version of the parser that read it, or tried to; 0: before that was noted; None: it was
    #: given as a record and never read here.
    parser = peewee.IntegerField(null=True)
    #: Addresses by header, dates as written, references, the tree of parts.
    record = Json(default={})
    # The long columns come last: lists do not read past them.
    text = peewee.TextField(default="")
    html = peewee.TextField(default="")
    headers = Json(default=[])

    class Meta:
        table_name = "mails"
        indexes = ((("date", "id"), False), (("from_address", "date"), False))


class Threaded(peewee.Model):
    """Of which thread a mail is; apart from mails, whose rows are long and seldom written anew."""

    mail = peewee.ForeignKeyField(Mail, primary_key=True, backref="threaded")
    #: The id of the thread's mail with the smallest one.
    thread = peewee.IntegerField()
    date = peewee.TextField()
    #: Hash of the bare subject, where no references tell the thread; the last bit says reply.
    subject = peewee.BigIntegerField(null=True)

    class Meta:
        database = database
        table_name = "threaded"
        indexes = ((("thread", "date"), False),)


Threaded.add_index(
    Threaded.index(Threaded.subject, Threaded.date, where=Threaded.subject.is_null(False))
)


class ThreadKey(peewee.Model):
    """A Message-ID, by its hash, and a mail that has or names it."""

    key = Number(primary_key=True)
    mail = peewee.IntegerField(column_name="mail_id")

    class Meta:
        database = database
        table_name = "thread_keys"


class Place(BaseModel):
    """Where a source lists an item, and what became of it."""

    folder = peewee.ForeignKeyField(Folder, backref="places", index=False)
    #: A UID as ten digits, so that text sorts as number; or the source's own text.
    key = peewee.TextField()
    #: Rises when other bytes came in the same place.
    version = peewee.IntegerField(default=0)
    mail = peewee.ForeignKeyField(Mail, backref="places", null=True)
    #: stored, quarantined, refused, too_big, gone, damaged (its object was lost), or purged, as
    #: its mail is then.
    state = peewee.TextField()
    #: Bytes as the server told.
    server_size = peewee.BigIntegerField(default=0)
    #: False while it was matched by header and size alone.
    verified = peewee.BooleanField(default=True)
    attempts = peewee.IntegerField(default=0)
    #: When a failed item is wanted again; "" never by itself.
    next_try = peewee.TextField(default="")

    class Meta:
        table_name = "places"
        indexes = ((("folder", "key", "version"), True),)


class Attachment(BaseModel):
    """A view into a raw mail."""

    mail = peewee.ForeignKeyField(Mail, backref="attachments", index=False)
    number = peewee.IntegerField()
    name = peewee.TextField(default="")
    type = peewee.TextField(default="")
    content_id = peewee.TextField(default="")
    inline = peewee.BooleanField(default=False)
    size = peewee.BigIntegerField(default=0)
    sha256 = peewee.TextField(default="")
    part = peewee.TextField(default="")

    class Meta:
        table_name = "attachments"
        indexes = ((("mail", "number"), True),)


class Receipt(BaseModel):
    """What one pass over a folder came to, counted by us over what the server listed."""

    folder = peewee.ForeignKeyField(Folder, backref="receipts", index=False)
    pass_id = peewee.TextField(unique=True)
    complete = peewee.BooleanField(default=False)
    #: Counts by window, until all windows of the pass are told.
    windows = Json(default={})
    listed = peewee.IntegerField(default=0)
    stored = peewee.IntegerField(default=0)
    quarantined = peewee.IntegerField(default=0)
    refused = peewee.IntegerField(default=0)
    too_big = peewee.IntegerField(default=0)
    missing = peewee.IntegerField(default=0)
    gone = peewee.IntegerField(default=0)
    purged = peewee.IntegerField(default=0)
    #: The first hundred keys that are missing.
    missing_keys = Json(default=[])
    server_exists = peewee.BigIntegerField(null=True)
    server_uidnext = peewee.BigIntegerField(null=True)
    server_modseq = peewee.BigIntegerField(null=True)
    #: Seconds.
    took = peewee.FloatField(default=0.0)

    class Meta:
        table_name = "receipts"
        indexes = ((("folder", "id"), False),)


class Quarantine(BaseModel):
    """An item that has no usable record, and why."""

    place = peewee.ForeignKeyField(Place, unique=True, null=True)
    #: fetch, size, parse or store.
    stage = peewee.TextField()
    reason = peewee.TextField()
    attempts = peewee.IntegerField(default=1)
    #: Of the raw bytes where there are any.
    sha256 = peewee.TextField(default="")
    size = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "quarantine"


class Deletion(BaseModel):
    """A stored mail that is, or was to be, deleted at its source."""

    place = peewee.ForeignKeyField(Place, unique=True)
    mail = peewee.ForeignKeyField(Mail, index=False)
    #: intended, deleted, kept, or unknown when nobody can find out any more.
    state = peewee.TextField(default="intended")
    #: How the server's mail was seen to be the stored one.
    proof = peewee.TextField(default="")
    #: Why it was kept, or is unknown.
    reason = peewee.TextField(default="")

    class Meta:
        table_name = "deletions"
