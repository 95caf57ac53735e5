"""Watched pages, the files that they link to, and the digests that tell of them."""

import peewee

from .base import BaseModel, Json
from .source import Source


class Page(Source):
    """A page that a monitor looks at."""

    #: As the monitor is told it; "" until it came.
    url = peewee.TextField(default="")
    #: The last look; "" before the first.
    looked = peewee.TextField(default="")
    #: When it is looked at again, as the monitor says.
    next_look = peewee.TextField(default="")
    #: Links that count, at the last look that found any, or might have.
    links = peewee.IntegerField(default=0)
    #: What came since the last look.
    new_files = peewee.IntegerField(default=0)
    changed_files = peewee.IntegerField(default=0)
    failed_files = peewee.IntegerField(default=0)

    class Meta:
        table_name = "pages"


class Digest(BaseModel):
    """What is, or was, to be mailed of new files: an outbox, each row the same at every try."""

    #: None for a digest over all pages.
    page = peewee.ForeignKeyField(Page, backref="digests", null=True, index=False)
    #: Of a day's digest its name: it is made once. None for a digest of one look.
    slot = peewee.TextField(null=True, unique=True)
    message_id = peewee.TextField(unique=True)
    #: due, sent, or empty: there was nothing to tell at that moment.
    state = peewee.TextField(default="due")
    #: How often it could not be mailed, and why the last time.
    attempts = peewee.IntegerField(default=0)
    error = peewee.TextField(default="")
    #: When it is tried again; "" as soon as somebody asks.
    next_try = peewee.TextField(default="")
    sent_at = peewee.TextField(default="")
    #: How many files it tells of.
    files = peewee.IntegerField(default=0)
    #: The files as they were (wire.DigestFile); long, hence last.
    content = Json(default=[])

    class Meta:
        table_name = "digests"


class File(BaseModel):
    """One version of a file that a page links to (the seed's File)."""

    #: What people see: no two are alike.
    filename = peewee.TextField(unique=True)
    download_url = peewee.TextField()
    #: Where people find it; "" until it is stored.
    storage_url = peewee.TextField(default="")
    page = peewee.ForeignKeyField(Page, backref="files", index=False)
    #: The SHA-256 of its bytes; "" until they are stored.
    version = peewee.TextField(default="")
    #: Whether this is what the page gave last; of each URL there is one such row.
    current = peewee.BooleanField(default=True)
    #: found, stored, failed, purged.
    state = peewee.TextField(default="found")
    #: Bytes.
    size = peewee.BigIntegerField(default=0)
    #: Media type as the server told it.
    type = peewee.TextField(default="")
    #: What people read on the link.
    text = peewee.TextField(default="")
    etag = peewee.TextField(default="")
    last_modified = peewee.TextField(default="")
    #: The object in the storage.
    key = peewee.TextField(default="")
    #: Tries that failed, one after another, and why the last one.
    attempts = peewee.IntegerField(default=0)
    error = peewee.TextField(default="")
    #: When what is not stored is wanted again; "" now.
    next_try = peewee.TextField(default="")
    #: When what is stored is compared with the page's again.
    next_check = peewee.TextField(default="")
    #: What no digest has told yet: new, changed, failed; "" when all is told.
    news = peewee.TextField(default="")
    #: The last digest that told of it.
    digest = peewee.ForeignKeyField(Digest, null=True, index=False)
    #: What searches look in: name, text and URL as api.search.fold writes them.
    words = peewee.TextField(default="")

    class Meta:
        table_name = "files"
        indexes = (
            (("page", "download_url", "version"), True),
            (("created", "id"), False),
            (("page", "created", "id"), False),
            (("page", "current", "state"), False),
        )


# Few rows have news at a time; what has no object needs no search by key.
File.add_index(File.index(File.page, where=peewee.SQL("news <> ''"), name="files_news"))
File.add_index(File.index(File.key, where=peewee.SQL("key <> ''"), name="files_key"))
