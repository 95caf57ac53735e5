"""The tables."""

import peewee

from .base import BaseModel, Id, Json, Number, database, encode, now
from .house import Event, Fact, Store, Task, Token
from .mail import (
    Attachment,
    Deletion,
    Folder,
    Mail,
    Mailbox,
    Place,
    Quarantine,
    Receipt,
    Threaded,
    ThreadKey,
)
from .scripted import Replay, ReplayItem, Run, RunLog, Script, ScriptVersion, Slot
from .source import Source
from .watched import Digest, File, Page

TABLES: tuple[type[peewee.Model], ...] = (
    Mailbox,
    Folder,
    Mail,
    Threaded,
    ThreadKey,
    Place,
    Attachment,
    Receipt,
    Quarantine,
    Deletion,
    Page,
    Digest,
    File,
    Event,
    Task,
    Token,
    Store,
    Fact,
    Script,
    ScriptVersion,
    Run,
    Slot,
    RunLog,
    Replay,
    ReplayItem,
)

__all__ = [
    "TABLES",
    "Attachment",
    "BaseModel",
    "Deletion",
    "Digest",
    "Event",
    "Fact",
    "File",
    "Folder",
    "Id",
    "Json",
    "Mail",
    "Mailbox",
    "Number",
    "Page",
    "Place",
    "Quarantine",
    "Receipt",
    "Replay",
    "ReplayItem",
    "Run",
    "RunLog",
    "Script",
    "ScriptVersion",
    "Slot",
    "Source",
    "Store",
    "Task",
    "ThreadKey",
    "Threaded",
    "Token",
    "database",
    "encode",
    "now",
]
