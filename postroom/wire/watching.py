"""What a monitor says to the master of watched pages and their files, and the answers."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .fields import MAX_WATCHED, Base, Count, Name, Seconds, Text, Url
from .replies import Reply, Task
from .requests import Request

#: Links of one LINKS, records of one FILES.
MAX_LINKS = 1_000
MAX_FILES = 200

FileOutcome = Literal["stored", "unchanged", "failed"]
#: What became of one file's record.
FileStatus = Literal["stored", "changed", "known", "failed", "retry"]


class OnPage(Request, frozen=True, kw_only=True):
    """A request about one watched page, by the name of its section."""

    page: Name


class Link(Base, frozen=True):
    """A link to a file, as it was found; its URL is normalised: one file, one URL."""

    url: Url
    #: What people read on it.
    text: Text = ""


class Links(OnPage, frozen=True, tag="LINKS", kw_only=True):
    """Some of the links that a look at a page found; the answer says what is wanted of them."""

    #: Where the page is.
    url: Url
    links: Annotated[list[Link], Meta(max_length=MAX_LINKS)] = msgspec.field(default_factory=list)
    #: No more links of this look follow: the answer has what is unfinished of the page as well.
    last: bool = False


class WantedFile(Base, frozen=True):
    """A file that is to be downloaded; all that is not wanted is known."""

    url: Url
    what: Literal["new", "recheck"] = "new"
    #: Of the version that is stored, for a conditional request.
    etag: Text = ""
    last_modified: Text = ""
    sha256: str = ""
    #: Bytes.
    size: Count = 0


class LinksReply(Reply, frozen=True):
    """What is to be downloaded."""

    wanted: list[WantedFile] = msgspec.field(default_factory=list)


class FileRecord(Base, frozen=True):
    """What a download came to; the bytes are in the storage already."""

    url: Url
    outcome: FileOutcome
    #: Why it failed.
    reason: Text = ""
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""
    #: Bytes.
    size: Count = 0
    #: What the server or the URL calls it: for people, never a path.
    name: Text = ""
    #: Media type as the server told it.
    type: Text = ""
    etag: Text = ""
    last_modified: Text = ""
    #: The object's key in the storage.
    key: Text = ""


class Files(OnPage, frozen=True, tag="FILES", kw_only=True):
    """Records of files, once their bytes are durable."""

    #: The id of the storage that holds them.
    storage: Text
    items: Annotated[list[FileRecord], Meta(min_length=1, max_length=MAX_FILES)]
    #: Seconds until they are compared with the page's files again; 0: a day.
    recheck: Seconds = 0.0


class FileReply(Base, frozen=True):
    """What became of one record; `after` is when the file is tried again, in seconds."""

    url: Url
    status: FileStatus
    id: Count = 0
    after: float = 0.0
    reason: str = ""


class FilesReply(Reply, frozen=True, kw_only=True):
    """One answer for each record, in the same order."""

    items: list[FileReply]


class Looked(OnPage, frozen=True, tag="LOOKED", kw_only=True):
    """The end of a look at a page: all that it brought was told before."""

    url: Url
    #: Seconds until the next look.
    next_look: Seconds
    #: Links that count.
    links: Count = 0
    #: Why the page cannot be read; "" when it can.
    error: Text = ""
    #: Seconds.
    took: Seconds = 0.0
    #: Make a digest of what is not yet told of this page.
    digest: bool = False


class LookedReply(Reply, frozen=True):
    """What the look came to, counted by the API since the look before."""

    new: Count = 0
    changed: Count = 0
    failed: Count = 0
    #: A digest was made and waits to be mailed.
    digest: bool = False
    #: What is wrong with a page that can be read, as one that has lost its links; "" for nothing.
    error: Text = ""


class Later(Base, frozen=True, array_like=True):
    """A task that failed for now."""

    task: Count
    #: Seconds until it is to be given out again.
    after: Seconds
    reason: Text


class Pulse(Request, frozen=True, tag="PULSE", kw_only=True):
    """A monitor lives, watches these pages, and asks what is to be done."""

    pages: Annotated[list[Name], Meta(max_length=MAX_WATCHED)] = msgspec.field(default_factory=list)
    #: Whether it can mail digests.
    mails: bool = False
    #: Make one digest over all pages, once for this name of a day; "" makes none.
    digest_of: Annotated[str, Meta(max_length=40)] = ""
    done: Annotated[list[tuple[Count, Text]], Meta(max_length=100)] = msgspec.field(
        default_factory=list
    )
    later: Annotated[list[Later], Meta(max_length=100)] = msgspec.field(default_factory=list)


class WatchTask(Task, frozen=True):
    """Something that a monitor shall do with one of its pages; `source` is the page's name.

    Kinds: check (look now), download (a file again: url), digest (mail it: a WatchDigest).
    """

    source: str = ""


class PulseReply(Reply, frozen=True):
    """What is to be done."""

    tasks: list[WatchTask] = msgspec.field(default_factory=list)


class DigestFile(Base, frozen=True, kw_only=True):
    """One row of a digest."""

    id: Count
    page: Name
    what: Literal["new", "changed", "failed"]
    filename: Text
    url: Url
    size: Count = 0
    storage_url: str = ""
    #: Why it failed.
    reason: Text = ""


class WatchDigest(Base, frozen=True, kw_only=True):
    """The target of a task `digest`: what is to be mailed, the same at every try."""

    id: Count
    message_id: Text
    #: ISO 8601, UTC.
    created: Text
    #: Empty for a digest over all pages.
    page: str = ""
    files: list[DigestFile] = msgspec.field(default_factory=list)
